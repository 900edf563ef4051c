import AMQP
import FoundationEssentials
import LocalNetwork
import MessageBus
import Processes
import Soak
import TestSupport
import Wire

/// A network of two sites as real processes, started by the command line as a user would, shared by all scenarios of
/// the test process. It ends with it: `up` stops everything when its standard input ends.
struct ScenarioNetwork: Sendable {
    let folder: NetworkFolder
    /// Where files arm fault points.
    let faults: String
    /// The images that it pulls from.
    let registry: String
    private let process: ChildProcess

    /// What fails is handled again so often, each second.
    static let retries = 8

    static var shared: ScenarioNetwork { get async throws { try await starting.value } }

    private static let starting = Task { try await start() }

    private static func start() async throws -> ScenarioNetwork {
        let root = try await TemporaryFolder.make()
        let faults = root + "/faults"
        try PrivateFile.makeFolder(faults)
        let registry = root + "/registry"
        try await SessionImage.make(in: registry)
        let folder = NetworkFolder(root + "/net")
        var environment = ProcessInfo.processInfo.environment
        environment["EXECBUS_FAULTS"] = faults
        environment["EXECBUS_RETRIES"] = Array(repeating: "1s", count: Self.retries).joined(separator: ",")
        var settings = ProcessSettings(
            try program(),
            [
                "up", "--state", folder.path, "--registry", registry, "--sites", "ral,caen", "--capacity",
                "ral=16/32,caen=16/32", "--until-eof", "--log", "debug",
            ], environment: environment)
        settings.input = .open
        settings.output = .file(root + "/up.log")
        settings.errors = .file(root + "/up.log")
        settings.group = .session
        let process = try await ChildProcess.spawn(settings)
        let network = ScenarioNetwork(folder: folder, faults: faults, registry: registry, process: process)
        let isReady = await eventually(within: .seconds(90)) {
            process.status != nil || (try? network.description)?.workers.isEmpty == false
        }
        guard isReady, process.status == nil else {
            let log = PrivateFile.read(root + "/up.log").map { String(decoding: $0, as: UTF8.self) } ?? ""
            throw ScenarioError("the network did not start:\n\(log)")
        }
        try await Observation.register(in: folder)
        return network
    }

    /// The command line that was built beside the tests.
    static func program() throws -> String {
        let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let folder = tests.split(separator: "/").dropLast().map { "/" + $0 }.joined()
        for path in ["\(folder)/execbus", FileManager.default.currentDirectoryPath + "/.build/debug/execbus"]
        where FileManager.default.isExecutableFile(atPath: path) {
            return path
        }
        throw ScenarioError("execbus is not built; run swift build first")
    }

    var description: NetworkDescription { get throws { try NetworkDescription(readingFrom: folder.path) } }

    /// The URI of a user.
    func uri(of name: String) throws -> String {
        let description = try description
        guard let user = description.users.first(where: { $0.name == name }) else {
            throw ScenarioError("there is no user \(name)")
        }
        return description.uri(of: user)
    }

    /// Runs `body` as one of the network's users.
    func withClient<Value>(as name: String = "alice", _ body: (BusClient) async throws -> Value) async throws -> Value {
        try await BusClient.with(AMQPConfiguration(uri: uri(of: name)), body)
    }

    /// The process number of a worker.
    func pid(of address: String) throws -> Int32 {
        let worker = try description.workers.first { worker in
            (worker.site.map { "\(worker.name).\($0)" } ?? worker.name) == address
        }
        guard let worker else { throw ScenarioError("there is no worker \(address)") }
        return worker.pid
    }

    /// Has a worker end itself, as `kill -9` would, at a point of its next turn that handles this type.
    func arm(_ address: String, _ point: FaultPoints.Point, _ type: String) throws {
        try PrivateFile.write([], to: "\(faults)/\(address),\(point.rawValue),\(type)")
    }

    /// Has a worker fail whenever it handles this type, while `body` runs.
    func withFailing<Value>(_ address: String, _ type: String, _ body: () async throws -> Value) async throws -> Value {
        let path = "\(faults)/\(address),fail,\(type)"
        try PrivateFile.write([], to: path)
        defer { try? FileManager.default.removeItem(atPath: path) }
        return try await body()
    }

    /// Takes a fault away that has not gone off.
    func disarm(_ address: String, _ point: FaultPoints.Point, _ type: String) {
        try? FileManager.default.removeItem(atPath: "\(faults)/\(address),\(point.rawValue),\(type)")
    }

    /// Whether an armed fault has gone off.
    func hasFired(_ address: String, _ point: FaultPoints.Point, _ type: String) -> Bool {
        !FileManager.default.fileExists(atPath: "\(faults)/\(address),\(point.rawValue),\(type)")
    }

    /// Runs the command line on this network and returns what it wrote.
    func execbus(_ arguments: [String], deadline: Duration = .seconds(60)) async throws -> RunResult {
        try await run(
            ProcessSettings(try Self.program(), arguments + ["--state", folder.path]), deadline: deadline)
    }
}

/// What a scenario could not go on without.
struct ScenarioError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
