internal import FoundationEssentials
internal import Glibc
internal import Processes

/// The folder of a private node: what is written into it before a start, and what the environment says about it.
struct RabbitMQFiles: Sendable {
    /// The ports of one node.
    struct Ports: Sendable {
        let amqp: UInt16
        /// Where nodes and `rabbitmqctl` talk to it.
        let distribution: UInt16
        /// Where they ask for that port.
        let epmd: UInt16
    }

    let folder: String
    let ports: Ports

    var log: String { "\(folder)/log/rabbitmq.log" }
    /// What is said before there is a log.
    var console: String { "\(folder)/log/console.log" }
    private var configuration: String { "\(folder)/rabbitmq.conf" }
    private var definitions: String { "\(folder)/definitions.json" }
    private var plugins: String { "\(folder)/enabled_plugins" }

    /// Makes the folder where it is missing, and gives its full path.
    static func prepare(_ folder: String) throws(LocalNetworkError) -> String {
        // RabbitMQ's start scripts and its configuration split at these.
        guard !folder.contains(where: { $0.isWhitespace || "#'\"\\$`;&".contains($0) }) else {
            throw LocalNetworkError(.system, "RabbitMQ cannot use a folder with such a name: \(folder)")
        }
        try PrivateFile.makeFolder("\(folder)/log")
        guard let resolved = realpath(folder, nil) else {
            throw LocalNetworkError(.system, "cannot find the folder \(folder)")
        }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// Writes everything that the node reads at its start.
    func write(definitions contents: [UInt8]) throws(LocalNetworkError) {
        try PrivateFile.write(contents, to: definitions)
        try PrivateFile.write(Array("[].\n".utf8), to: plugins)
        let lines = [
            "listeners.tcp.default = 127.0.0.1:\(ports.amqp)",
            // With definitions to load, no user guest is made.
            "load_definitions = \(definitions)",
            "log.console = false",
            "log.file.rotation.size = 10485760",
            "log.file.rotation.count = 3",
            // The write-ahead log of quorum queues is held in memory as well; 512 MB by default.
            "raft.wal_max_size_bytes = 67108864",
        ]
        try PrivateFile.write(Array((lines.joined(separator: "\n") + "\n").utf8), to: configuration)
        // Erlang demands that nobody else may read its cookie. Kept, since rabbitmqctl of an earlier shell may have it.
        let cookie = "\(folder)/.erlang.cookie"
        if PrivateFile.read(cookie) == nil {
            try PrivateFile.write(Array(Secret.make().utf8), to: cookie, mode: 0o400)
        }
    }

    /// For the node, its epmd, and every `rabbitmqctl`.
    var environment: [String: String] {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"
        return [
            "PATH": path + ":/usr/sbin:/sbin",
            "HOME": folder,
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": "\(ports.epmd)",
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": "execbus@localhost",
            "RABBITMQ_NODE_PORT": "\(ports.amqp)",
            "RABBITMQ_DIST_PORT": "\(ports.distribution)",
            "RABBITMQ_MNESIA_BASE": "\(folder)/data",
            "RABBITMQ_LOG_BASE": "\(folder)/log",
            "RABBITMQ_LOGS": log,
            "RABBITMQ_PID_FILE": "\(folder)/rabbitmq.pid",
            "RABBITMQ_ENABLED_PLUGINS_FILE": plugins,
            "RABBITMQ_CONFIG_FILE": configuration,
            // None of the machine's own node: neither of these exists.
            "RABBITMQ_ADVANCED_CONFIG_FILE": "\(folder)/advanced.config",
            "RABBITMQ_CONF_ENV_FILE": "\(folder)/rabbitmq-env.conf",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            // Several nodes share the processors with others: none is bound to one.
            "RABBITMQ_SCHEDULER_BIND_TYPE": "u",
            // The script then becomes the node instead of starting it, so that signals reach the node itself.
            "RUNNING_UNDER_SYSTEMD": "true",
        ]
    }

    // MARK: The node of an earlier process

    /// Remembers which process has the folder's data open.
    func remember(_ node: ProcessIdentity) throws(LocalNetworkError) {
        try PrivateFile.write(Array("\(node.pid) \(node.startTime)\n".utf8), to: "\(folder)/node")
    }

    /// Waits for the end of the node of an earlier process, which the kernel kills just after that process.
    static func awaitEndOfEarlierNode(on folder: String) async throws {
        let fields = String(decoding: PrivateFile.read("\(folder)/node") ?? [], as: UTF8.self)
            .split { $0 == " " || $0 == "\n" }
        guard fields.count == 2, let pid = Int32(fields[0]), let startTime = UInt64(fields[1]) else { return }
        let earlier = ProcessIdentity(pid: pid, startTime: startTime)
        let end = ContinuousClock.now + .seconds(20)
        while earlier.isAlive {
            guard ContinuousClock.now < end else {
                throw LocalNetworkError(.inUse, "a RabbitMQ node still runs on \(folder): end process \(pid) first")
            }
            try await Task.sleep(for: .milliseconds(25))
        }
    }
}
