import AMQP
import FoundationEssentials
import Glibc
import LocalNetwork
import TestSupport
import Testing

/// What needs a node of its own, because it touches all of it.
@Suite("When the broker itself changes", .serialized, .timeLimit(.minutes(4)))
struct NodeTests {
    /// Started by the first test; it ends with the process.
    private static let node = Task<PrivateRabbitMQ, any Error> {
        try await PrivateRabbitMQ.start(
            directory: try await TemporaryFolder.make(), definitions: Array(definitions.utf8))
    }

    private static let definitions = """
        { "vhosts": [{"name": "/"}],
          "users": [{"name": "full", "password": "full", "tags": ""}, {"name": "narrow", "password": "narrow", "tags": ""}],
          "permissions": [
            {"user": "full", "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"},
            {"user": "narrow", "vhost": "/", "configure": "^$", "write": "^events$", "read": ".*"}],
          "topic_permissions": [
            {"user": "narrow", "vhost": "/", "exchange": "events", "write": "^session\\\\.", "read": "^session\\\\."}] }
        """

    private func withNode(
        user: String = "full", _ adjust: (inout AMQPConfiguration) -> Void = { _ in },
        _ body: (PrivateRabbitMQ, AMQPConnection) async throws -> Void
    ) async throws {
        let node = try await Self.node.value
        var configuration = try AMQPConfiguration(uri: node.uri(user: user, password: user, vhost: "/"))
        configuration.reconnectBase = .milliseconds(50)
        configuration.reconnectCap = .milliseconds(500)
        adjust(&configuration)
        try await withAMQPConnection(configuration) { try await body(node, $0) }
    }

    @Test
    func `while the broker takes no messages, publishes wait, and end with that reason at their deadline`() async throws
    {
        try await withNode({ $0.confirmTimeout = .seconds(3) }) { node, connection in
            try await connection.makeQueue("q")
            let events = connection.events()
            try await node.control(["set_vm_memory_high_watermark", "0.000001"])
            // The broker blocks a connection when it publishes, and takes this one message still.
            async let last: [PublishOutcome] = connection.publish([AMQPMessage(exchange: "", routingKey: "q", body: [])]
            )
            for await event in events {
                if case .blocked = event { break }
            }
            #expect(!connection.isReady)
            let refused = await amqpError { try await connection.send(["x"], to: "q") }
            #expect(refused?.code == .blocked)
            let waiting = Task {
                // Again where the command that ends the alarm takes longer than one publish waits.
                for _ in 0..<20 {
                    let outcomes = await connection.publish([AMQPMessage(exchange: "", routingKey: "q", body: [])])
                    if outcomes.allSatisfy({ $0.isConfirmed }) { return true }
                }
                return false
            }
            try await node.control(["set_vm_memory_high_watermark", "0.4"])
            #expect(await waiting.value)
            _ = await last
            #expect(connection.isReady)
            #expect(connection.statistics.reconnects == 0)
        }
    }

    @Test
    func
        `while the disk is full, consumers go on, publishers are held back and told, and all of it goes on afterwards`()
        async throws
    {
        try await withNode({ $0.confirmTimeout = .seconds(120) }) { node, publisher in
            try await withAMQPConnection(publisher.configuration) { connection in
                try await publisher.declareQueue("disk")
                try await publisher.send((0..<20).map(String.init), to: "disk")
                let consumer = try await connection.consume(queues: ["disk"], prefetch: 5)
                let events = publisher.events()
                try await node.control(["set_disk_free_limit", "999999GB"])
                async let first: Void = publisher.send(["20"], to: "disk")
                for await event in events {
                    if case .blocked(let reason) = event {
                        #expect(reason.contains("disk"))
                        break
                    }
                }
                #expect(!publisher.isReady)
                let published = publisher.statistics.published
                async let others: Void = publisher.send((21..<60).map(String.init), to: "disk")
                #expect(try await consumer.take(20).count == 20)
                #expect(publisher.statistics.published == published)
                try await node.control(["set_disk_free_limit", "50MB"])
                try await first
                try await others
                #expect(try await consumer.take(40).map(\.text) == (20..<60).map(String.init))
                #expect(publisher.isReady)
                #expect(publisher.statistics.reconnects == 0)
            }
        }
    }

    @Test
    func `a node that is frozen is found out, and used again when it thaws`() async throws {
        try await withNode({ $0.heartbeat = .seconds(1) }) { node, connection in
            try await connection.makeQueue("q")
            let text = try await node.control(["eval", "list_to_integer(os:getpid())."])
            let pid = try #require(Int32(text.filter(\.isNumber)))
            let events = connection.events()
            kill(pid, SIGSTOP)
            defer { kill(pid, SIGCONT) }
            #expect(await eventually { isStopped(pid) })
            let begun = ContinuousClock.now
            async let outcome = connection.publish([AMQPMessage(exchange: "", routingKey: "q", body: [])])
            for await event in events {
                if case .lost(let error) = event {
                    #expect(error.message.contains("two heartbeats"), "\(error)")
                    break
                }
            }
            #expect(ContinuousClock.now - begun < .seconds(15))
            guard case .unknown? = await outcome.first else {
                return #expect(Bool(false), "the outcome is not unknown")
            }
            kill(pid, SIGCONT)
            #expect(await eventually { connection.isReady })
            try await connection.makeQueue("again")
            try await connection.send(["x"], to: "again")
        }
    }

    /// Whether each thread of a process has stopped.
    private func isStopped(_ pid: Int32) -> Bool {
        let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task")) ?? []
        return !threads.isEmpty
            && threads.allSatisfy { thread in
                let status = FileManager.default.contents(atPath: "/proc/\(pid)/task/\(thread)/status") ?? Data()
                return String(decoding: status, as: UTF8.self).contains("T (stopped)")
            }
    }

    @Test
    func `what a user may not do is refused by name, and the rest goes on`() async throws {
        try await withNode { _, full in
            try await full.declareExchange("events", kind: "topic")
            try await full.declareExchange("commands", kind: "topic")
            try await withNode(user: "narrow") { _, connection in
                let outcomes = await connection.publish([
                    AMQPMessage(exchange: "events", routingKey: "session.a", body: []),
                    AMQPMessage(exchange: "events", routingKey: "job.a", body: []),
                    AMQPMessage(exchange: "events", routingKey: "session.b", body: []),
                ])
                #expect(outcomes[1].error?.code == .accessRefused)
                #expect(outcomes[2].error?.code == .channelClosed)
                let commands = await amqpError {
                    try await connection.publish(AMQPMessage(exchange: "commands", routingKey: "x", body: []))
                }
                #expect(commands?.code == .accessRefused)
                #expect(commands?.isRetriable == false)
                #expect(commands?.message.contains("commands") == true)
                let declared = await amqpError { try await connection.declareQueue("mine") }
                #expect(declared?.code == .accessRefused)
                try await connection.publish(AMQPMessage(exchange: "events", routingKey: "session.c", body: []))
            }
        }
    }

    @Test
    func `a connection that an operator closes is made again`() async throws {
        try await withNode { node, connection in
            let events = connection.events()
            try await node.control(["close_all_connections", "maintenance"])
            var reason: AMQPError?
            for await event in events {
                if case .lost(let error) = event { reason = error }
                if case .connected = event { break }
            }
            #expect(reason?.replyCode == 320)
            #expect(reason?.message.contains("maintenance") == true)
            try await connection.makeQueue("again")
        }
    }

    @Test
    func `a restart of the broker loses nothing that was confirmed, nor does its death`() async throws {
        // In this order: RabbitMQ 3.10.8 forgets a quorum queue that is declared only moments before a SIGKILL.
        try await survive(isKilled: false)
        try await survive(isKilled: true)
    }

    private func survive(isKilled: Bool) async throws {
        try await withNode({ $0.confirmTimeout = .seconds(90) }) { node, publisher in
            try await withAMQPConnection(publisher.configuration) { connection in
                let queue = "work"
                try await publisher.declareQueue(queue, arguments: ["x-queue-type": "quorum"])
                let consumer = try await connection.consume(queues: [queue], prefetch: 100)
                async let restarted: Void = {
                    if isKilled { await node.kill() }
                    try await node.restart()
                }()
                var number = 0
                var isUp = false
                while !isUp || number < 2000 {
                    let messages = (number..<number + 50).map {
                        AMQPMessage(
                            exchange: "", routingKey: queue, properties: AMQPProperties(isPersistent: true),
                            body: Array("\($0)".utf8))
                    }
                    // At least once: what is not known to be there is sent again.
                    if await publisher.publish(messages).allSatisfy(\.isConfirmed) { number += 50 }
                    isUp = publisher.statistics.reconnects > 0 && number >= 2000
                }
                try await restarted
                var seen: Set<Int> = []
                while seen.count < number {
                    let batch = try await consumer.next(until: .now + .seconds(60))
                    if batch.isEmpty { break }
                    for message in batch.messages { if let value = Int(message.text) { seen.insert(value) } }
                    batch.acknowledge()
                }
                #expect(seen.count == number)
                #expect(connection.statistics.reconnects >= 1)
            }
        }
    }
}
