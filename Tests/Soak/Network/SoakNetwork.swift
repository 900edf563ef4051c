internal import FoundationEssentials
internal import Glibc
package import LocalNetwork
internal import Processes
internal import TestSupport
internal import Wire

/// Two sites as real processes: `execbus up`, with a store that can be made slow.
package struct SoakNetwork: Sendable {
    package let folder: NetworkFolder
    /// What each site has.
    package let sites: [String: History.Amount]
    /// Files here make stores slow.
    let slowStores: String
    private let process: ChildProcess
    private let log: String

    /// Starts it, and returns when all workers serve.
    /// - Parameters:
    ///   - root: a folder that is made, and holds everything of the soak.
    ///   - program: the command line.
    package static func start(in root: String, sites: [String: History.Amount], program: String) async throws
        -> SoakNetwork
    {
        try PrivateFile.makeFolder(root)
        let slowStores = root + "/slow-stores"
        try PrivateFile.makeFolder(slowStores)
        let registry = root + "/registry"
        try await SessionImage.make(in: registry)
        let library = root + "/slow-store.so"
        let source = #filePath.split(separator: "/").dropLast(2).map { "/" + $0 }.joined() + "/Faults/slow-store.c"
        try await run(
            ProcessSettings("cc", ["-shared", "-fPIC", "-O1", "-o", library, source]), deadline: .seconds(60)
        )
        .checked()
        let folder = NetworkFolder(root + "/net")
        var environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("EXECBUS_") }
        environment["LD_PRELOAD"] = library
        environment["SOAK_SLOW_STORES"] = slowStores
        let capacity = sites.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.cores)/\($0.value.memory)" }
        var settings = ProcessSettings(
            program,
            [
                "up", "--state", folder.path, "--registry", registry, "--sites",
                sites.keys.sorted().joined(separator: ","),
                "--capacity", capacity.joined(separator: ","), "--until-eof", "--log", "info",
            ], environment: environment)
        settings.input = .open
        let log = root + "/up.log"
        settings.output = .file(log)
        settings.errors = .file(log)
        settings.group = .session
        let process = try await ChildProcess.spawn(settings)
        let network = SoakNetwork(folder: folder, sites: sites, slowStores: slowStores, process: process, log: log)
        let isReady = await eventually(within: .seconds(120)) {
            process.status != nil || (try? network.description)?.workers.isEmpty == false
        }
        guard isReady, process.status == nil else {
            throw SoakError("the network did not start: \(PrivateFile.lastLines(of: log, 10).joined(separator: "\n"))")
        }
        try await Observation.register(in: folder)
        return network
    }

    package var description: NetworkDescription { get throws { try NetworkDescription(readingFrom: folder.path) } }

    /// The addresses of all workers, in order.
    package var workers: [String] { get throws { try processes.keys.sorted() } }

    /// The process of each worker that runs.
    var processes: [String: Int32] {
        get throws {
            let pairs = try description.workers.map { worker in
                (worker.site.map { "\(worker.name).\($0)" } ?? worker.name, worker.pid)
            }
            return Dictionary(pairs) { _, last in last }
        }
    }

    /// The URI of a user, over another port.
    package func uri(of name: String, port: UInt16) throws -> String {
        let description = try description
        guard let user = description.users.first(where: { $0.name == name }) else {
            throw SoakError("there is no user \(name)")
        }
        let uri = description.uri(of: user)
        return uri.replacing(":\(try self.port)/", with: ":\(port)/")
    }

    /// The port of RabbitMQ, which stays the same.
    package var port: UInt16 {
        get throws {
            let text = try description.amqp.split(separator: ":").last?.split(separator: "/").first
            guard let port = text.flatMap({ UInt16($0) }) else { throw SoakError("the network has no port") }
            return port
        }
    }

    // MARK: RabbitMQ's node

    /// The node's process, if it runs.
    var node: ProcessIdentity? {
        let fields = String(decoding: PrivateFile.read(folder.rabbitMQ + "/node") ?? [], as: UTF8.self)
            .split { $0 == " " || $0 == "\n" }
        guard fields.count == 2, let pid = Int32(fields[0]), let start = UInt64(fields[1]) else { return nil }
        let identity = ProcessIdentity(pid: pid, startTime: start)
        return identity.isAlive ? identity : nil
    }

    /// Runs `rabbitmqctl` on the node, which is another process's: it tells by its environment where it is.
    @discardableResult
    func control(_ arguments: [String]) async throws -> String {
        let path = "/usr/lib/rabbitmq/bin:/opt/rabbitmq/sbin:/usr/sbin:/usr/bin:/bin"
        guard let node, let bytes = FileManager.default.contents(atPath: "/proc/\(node.pid)/environ"),
            let program = Executable.find("rabbitmqctl", path: path)
        else { throw SoakError("RabbitMQ does not run") }
        var environment: [String: String] = [:]
        for entry in bytes.split(separator: 0) {
            let parts = String(decoding: entry, as: UTF8.self).split(separator: "=", maxSplits: 1)
            if parts.count == 2 { environment[String(parts[0])] = String(parts[1]) }
        }
        return try await run(
            ProcessSettings(program, ["--quiet"] + arguments, environment: environment), deadline: .seconds(60)
        ).checked().outputText
    }

    // MARK: The end

    /// Ends it as an operator does, and says what is wrong with how it ended.
    package func stop() async -> [String] {
        let status = await process.terminate(grace: .seconds(60))
        var faults = status.isSuccess ? [] : ["execbus up ended with \(status); see \(log)"]
        let isGone = await eventually(within: .seconds(10)) { processesOfFolder.isEmpty }
        if !isGone { faults.append("processes run after the network's end: \(processesOfFolder)") }
        return faults
    }

    /// How workers have ended until now, as `up` tells: `cavern.ral ended (signal 9) and is started again in …`.
    var exits: [History.Exit] {
        let text = String(decoding: PrivateFile.read(log) ?? [], as: UTF8.self)
        return text.split(separator: "\n").compactMap { line in
            guard let begin = line.firstRange(of: " ended ("), let end = line.firstRange(of: ") and is started again"),
                !line.hasPrefix("RabbitMQ"), begin.upperBound <= end.lowerBound
            else { return nil }
            return .init(
                worker: String(line[..<begin.lowerBound]), status: String(line[begin.upperBound..<end.lowerBound]))
        }
    }

    /// Processes that name the network's folder.
    private var processesOfFolder: [String] {
        Machine.processes("cmdline") { $0.contains(folder.path) }.map { "\($0.key) \($0.value)" }
    }
}
