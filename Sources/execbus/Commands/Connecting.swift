internal import AMQP
internal import FoundationEssentials
internal import Glibc
internal import LocalNetwork
internal import MessageBus
internal import Wire

extension [Command.Option] {
    /// The options by which a command finds its network and its user.
    static let connecting: Self = [
        .value("state", "DIR", "The folder of `execbus up`; default: .execbus here, unless EXECBUS_AMQP is set."),
        .value("user", "NAME", "Which of the network's users to be; default: the first."),
        .flag("json", "Writes JSON for scripts, problems included; see execbus --help."),
    ]
}

/// How a command reaches its network.
enum Connecting {
    /// The folder that is taken where none is named.
    static let defaultState = ".execbus"

    /// The connection that the options or the environment ask for.
    /// - Parameter role: the user that is taken of a network where none is named; the first where it has none such.
    static func configuration(_ invocation: Invocation, as role: String? = nil) throws -> AMQPConfiguration {
        var configuration: AMQPConfiguration
        if invocation["state"] == nil, let uri = environment("EXECBUS_AMQP") {
            configuration = try AMQPConfiguration(uri: uri)
        } else {
            let network = try network(invocation)
            let usual = network.users.first { $0.name == role } ?? network.users.first
            let named = invocation["user"].map { name in network.users.first { $0.name == name } }
            guard let user = named ?? usual else {
                let names = network.users.map(\.name).joined(separator: ", ")
                throw Failure(.usage, "the network has no user \(invocation["user"] ?? ""); it has \(names)")
            }
            configuration = try AMQPConfiguration(uri: network.uri(of: user))
        }
        configuration.connectionName = "execbus"
        return configuration
    }

    /// The network of `execbus up` that the options name.
    static func network(_ invocation: Invocation) throws -> NetworkDescription {
        let state = invocation["state"] ?? defaultState
        return try description(of: try networkState(state), in: state)
    }

    /// What runs in the folder of `execbus up`.
    static func networkState(_ folder: String) throws -> NetworkState {
        do { return try NetworkState(of: NetworkFolder(folder)) } catch { throw Failure(.unreachable, "\(error)") }
    }

    /// Where a network is that serves, or what is in the way.
    static func description(of state: NetworkState, in folder: String) throws -> NetworkDescription {
        switch state {
        case .serving(let description, _): return description
        case .busy(let process):
            let process = process.map { " (process \($0))" } ?? ""
            throw Failure(
                .unreachable,
                "the network in \(folder)\(process) is starting or stopping: wait until `execbus up` says that it is ready"
            )
        case .killed:
            throw Failure(
                .unreachable,
                "no network runs in \(folder) any more, its `execbus up` was killed: "
                    + "execbus up --state \(folder) takes it up again")
        case .absent:
            throw Failure(
                .unreachable, "there is no network in \(folder): start one by execbus up --state \(folder)")
        }
    }

    /// The network runs, and its RabbitMQ is away.
    static func withoutRabbitMQ(_ folder: String) -> Failure {
        Failure(
            .unreachable,
            "the RabbitMQ of the network in \(folder) does not answer: `execbus up` starts it again by itself, so wait a "
                + "little; \(NetworkFolder(folder).rabbitMQ)/log/rabbitmq.log says why it ended")
    }

    /// Runs `body` with a client of the network.
    static func withClient<Value>(
        _ invocation: Invocation, as role: String? = nil, _ body: (BusClient) async throws -> Value
    ) async throws -> Value {
        let configuration = try configuration(invocation, as: role)
        var isThere = false
        do {
            return try await BusClient.with(configuration) { client in
                isThere = true
                return try await body(client)
            }
        } catch let error as AMQPError where error.code == .accessRefused && !isThere {
            // Who asks needs a queue for answers, and that is what RabbitMQ refuses.
            throw Failure(
                .notAuthorised,
                "the user \(configuration.user) may hear events only (execbus watch), and not ask: "
                    + "name another by --user (\(error.message))")
        } catch let error as AMQPError where error.code == .connectionRefused && !isThere {
            guard invocation["state"] != nil || environment("EXECBUS_AMQP") == nil else { throw error }
            throw withoutRabbitMQ(invocation["state"] ?? defaultState)
        }
    }

    /// The options by which another command finds the same network as the same user, with a space before each.
    static func sameOptions(_ invocation: Invocation) -> String {
        ["state", "user"].compactMap { name in invocation[name].map { " --\(name) \($0)" } }.joined()
    }

    static func environment(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// Reads a JSON file, or standard input for `-`.
    static func readJSON(_ path: String) throws -> JSON {
        try parse(readBytes(path), from: path)
    }

    /// Reads a file, or standard input for `-`.
    static func readBytes(_ path: String) throws -> [UInt8] {
        let source = path == "-" ? "/dev/stdin" : path
        guard let bytes = FileManager.default.contents(atPath: source) ?? readAll(source) else {
            throw Failure(.usage, "\(path) cannot be read: \(String(cString: strerror(errno)))")
        }
        return Array(bytes)
    }

    /// - Parameter source: where it comes from, for the error.
    static func parse(_ bytes: [UInt8], from source: String) throws -> JSON {
        do throws(JSONSyntaxError) {
            return try JSON(parsing: bytes)
        } catch {
            throw Failure(.usage, "\(source) is not JSON: \(error)")
        }
    }

    /// Pipes have no size that could be asked for first.
    private static func readAll(_ path: String) -> Data? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var all = Data()
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(file, &buffer, buffer.count)
            if count <= 0 { return count == 0 ? all : nil }
            all.append(contentsOf: buffer[..<count])
        }
    }
}
