import AMQP
import FoundationEssentials
import Glibc
import LocalNetwork
import Processes
import Synchronization
import TestSupport
import Testing
import Topology
import Wire

@Suite(.serialized) struct PrivateRabbitMQTests {
    private let definitions = Array(
        """
        {"users": [], "vhosts": [{"name": "v"}], "permissions": [],
         "queues": [{"name": "q", "vhost": "v", "durable": true, "auto_delete": false, "arguments": {}}]}
        """.utf8)

    @Test func `the shared broker has its virtual hosts and one user`() async throws {
        let broker = try await TestBroker.shared
        #expect(try await broker.node.control(["list_users"]).contains("admin"))
        let (one, other) = (try await broker.makeVirtualHost(), try await broker.makeVirtualHost())
        #expect(one != other)
        #expect(try await broker.node.control(["list_vhosts"]).contains("\(one)\n"))
    }

    @Test func `there are as many virtual hosts as tests ask for`() async throws {
        let broker = try await TestBroker.shared
        let names = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<90 { group.addTask { try await broker.makeVirtualHost() } }
            return try await group.reduce(into: Set<String>()) { $0.insert($1) }
        }
        #expect(names.count == 90)
        let there = try await broker.node.control(["list_vhosts"]).split(separator: "\n").map(String.init)
        #expect(names.isSubset(of: there))
    }

    @Test func `a command waits for a node that is not running yet`() async throws {
        try await withTemporaryFolder { folder in
            let node = try await PrivateRabbitMQ.start(directory: folder, definitions: definitions)
            try await node.control(["stop_app"])
            async let list = node.control(["list_vhosts"])
            try await node.control(["start_app"])
            #expect(try await list.contains("v\n"))
            await node.stop()
        }
    }

    @Test func `a node that was killed or stopped comes back on its folder and port`() async throws {
        try await withTemporaryFolder { folder in
            let node = try await PrivateRabbitMQ.start(directory: folder, definitions: definitions)
            let port = node.port
            #expect(try await node.control(["list_queues", "-p", "v"]).contains("q"))
            await node.kill()
            try await node.restart()
            #expect(node.port == port)
            #expect(try await node.control(["list_queues", "-p", "v"]).contains("q"))
            await node.stop()
        }
    }

    @Test(.timeLimit(.minutes(3)))
    func `a node that is kept running comes back, with its epmd, until that is cancelled`()
        async throws
    {
        try await withTemporaryFolder { folder in
            let node = try await PrivateRabbitMQ.start(directory: folder, definitions: definitions)
            let port = node.port
            let changes = Changes()
            let keeping = Task { try await node.keepRunning { changes.add($0) } }
            for pid in processes("epmd", of: node) { kill(pid, SIGKILL) }
            for pid in processes("beam.smp", of: node) { kill(pid, SIGKILL) }
            let isBack = await eventually(within: .seconds(90)) { changes.words.last == "back" }
            #expect(isBack)
            #expect(changes.words == ["ended by signal 9", "back"])
            #expect(node.port == port)
            #expect(try await node.control(["list_queues", "-p", "v"]).contains("q"))
            keeping.cancel()
            try await keeping.value
            await node.stop()
            #expect(changes.words.count == 2, "a node that is stopped is not started again")
            #expect(processes("epmd", of: node) == [])
        }
    }

    @Test(.timeLimit(.minutes(3))) func `a node that does not come back is given up, with the reason`() async throws {
        try await withTemporaryFolder { folder in
            let node = try await PrivateRabbitMQ.start(directory: folder, definitions: definitions)
            let changes = Changes()
            let keeping = Task { () -> LocalNetworkError? in
                do throws(LocalNetworkError) {
                    try await node.keepRunning(limit: 2) { changes.add($0) }
                    return nil
                } catch {
                    return error
                }
            }
            try PrivateFile.write(Array("no configuration\n".utf8), to: "\(node.folder)/rabbitmq.conf")
            await node.kill()
            let error = await keeping.value
            #expect(error?.code == .notStarted)
            #expect(error?.message.contains("is not started again: RabbitMQ ended while it started") == true)
            #expect(changes.words == ["ended by signal 9", "failed"])
            await node.stop()
        }
    }

    /// What was told of a node, in order.
    private final class Changes: Sendable {
        private let all = Mutex<[String]>([])

        var words: [String] { all.withLock { $0 } }

        func add(_ change: PrivateRabbitMQ.Change) {
            let word =
                switch change {
                case .ended(let status, _): "ended by \(status)"
                case .failed: "failed"
                case .back: "back"
                }
            all.withLock { $0.append(word) }
        }
    }

    /// The processes of a node that run a program, by the environment that they were started with.
    private func processes(_ program: String, of node: PrivateRabbitMQ) -> [Int32] {
        let folder = Array("HOME=\(node.folder)\0".utf8)
        let pids = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return pids.compactMap { Int32($0) }.filter { pid in
            PrivateFile.read("/proc/\(pid)/comm") == Array("\(program)\n".utf8)
                && PrivateFile.read("/proc/\(pid)/environ")?.firstRange(of: folder) != nil
        }
    }

    @Test func `a folder is taken up again with its messages, and with the passwords of the new start`() async throws {
        func definitions(_ password: String) -> [UInt8] {
            let topology = Topology(sites: ["ral"].compactMap(SiteName.init))
            let users = [.administrator(password: password)] + topology.participantUsers { _ in password }
            return topology.definitions(users: users).bytes
        }
        func connect(_ node: PrivateRabbitMQ, _ password: String) async throws -> AMQPConnection {
            try await AMQPConnection.connect(
                try AMQPConfiguration(uri: node.uri(user: "harbor.ral", password: password, vhost: "execbus")))
        }
        try await withTemporaryFolder { folder in
            var node = try await PrivateRabbitMQ.start(directory: folder, definitions: definitions("first"))
            var connection = try await connect(node, "first")
            try await connection.publish(
                AMQPMessage(
                    exchange: "parked", routingKey: "harbor.ral", properties: AMQPProperties(isPersistent: true),
                    body: Array("kept".utf8), isMandatory: true))
            await connection.close()
            await node.stop()
            await #expect(throws: LocalNetworkError.self) { try await node.restart() }

            node = try await PrivateRabbitMQ.start(directory: folder, definitions: definitions("second"))
            await #expect(throws: AMQPError.self) { try await connect(node, "first") }
            connection = try await AMQPConnection.connect(
                try AMQPConfiguration(uri: node.uri(user: "admin", password: "second", vhost: "execbus")))
            let batch = try await connection.get("harbor.ral.parked")
            #expect(batch.messages.first?.body == Array("kept".utf8))
            batch.acknowledge()
            await connection.close()
            await node.stop()
        }
    }

    @Test func `it listens on the loopback address only`() async throws {
        let broker = try await TestBroker.shared
        let tables = try await run(ProcessSettings("cat", ["/proc/net/tcp", "/proc/net/tcp6"]), deadline: .seconds(20))
        // proc(5): the local address is the second column, state 0A is LISTEN.
        var listening: [Substring] = []
        for line in tables.outputText.split(separator: "\n") {
            let columns = line.split(separator: " ")
            if columns.count > 3, columns[3] == "0A" { listening.append(columns[1]) }
        }
        let port = String(broker.node.port, radix: 16, uppercase: true)
        #expect(listening.filter { $0.hasSuffix(":\(port)") } == ["0100007F:\(port)"])
    }

    @Test func `a folder in use is refused`() async throws {
        let broker = try await TestBroker.shared
        let error = await #expect(throws: LocalNetworkError.self) {
            try await PrivateRabbitMQ.start(directory: broker.node.folder, definitions: definitions)
        }
        #expect(error?.code == .inUse)
    }

    @Test func `definitions that are no JSON are refused`() async throws {
        try await withTemporaryFolder { folder in
            let error = await #expect(throws: LocalNetworkError.self) {
                try await PrivateRabbitMQ.start(directory: folder, definitions: Array("{not json".utf8))
            }
            #expect(error?.code == .invalid)
        }
    }

    @Test func `a node that cannot start is an error that says why and names the log`() async throws {
        try await withTemporaryFolder { folder in
            let node = try await PrivateRabbitMQ.start(directory: folder, definitions: definitions)
            await node.kill()
            // Erlang's own listener: a port that is taken is the fault that happens.
            var settings = ProcessSettings("epmd", ["-port", "\(node.port)", "-address", "127.0.0.1"])
            settings.errors = .discarded
            let squatter = try await ChildProcess.spawn(settings)
            let error = await #expect(throws: LocalNetworkError.self) { try await node.restart() }
            #expect(error?.code == .notStarted)
            #expect(error?.message.contains("\(folder)/log/") == true)
            #expect(error?.message.contains("taken one of its ports") == true, "\(error?.message ?? "")")
            await squatter.kill()
            await node.stop()
        }
    }
}
