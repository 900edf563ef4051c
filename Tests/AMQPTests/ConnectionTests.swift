import AMQP
import Glibc
import TestSupport
import Testing

@Suite("Connecting and closing", .timeLimit(.minutes(2)))
struct ConnectionTests {
    private func failure(
        _ uri: String, _ adjust: (inout AMQPConfiguration) -> Void = { _ in }
    ) async throws -> AMQPError? {
        var configuration = try AMQPConfiguration(uri: uri)
        adjust(&configuration)
        return await amqpError { try await withAMQPConnection(configuration) { _ in } }
    }

    @Test
    func `no RabbitMQ there is said with its address and what to do`() async throws {
        let error = try await failure("amqp://u:secret@127.0.0.1:1/")
        #expect(error?.code == .connectionRefused)
        #expect(error?.message.contains("127.0.0.1:1") == true)
        #expect(error?.message.contains("secret") == false)
    }

    @Test
    func `a host that does not exist is named`() async throws {
        let error = try await failure("amqp://no-such-host.invalid/")
        #expect(error?.code == .connectionRefused)
        #expect(error?.message.contains("no-such-host.invalid") == true)
    }

    @Test
    func `wrong credentials and a missing virtual host are told apart`() async throws {
        try await withVirtualHost { uri in
            let good = try AMQPConfiguration(uri: uri)
            var configuration = good
            configuration.password = "wrong-secret"
            let password = await amqpError { try await withAMQPConnection(configuration) { _ in } }
            #expect(password?.code == .authenticationFailed)
            #expect(password?.message.contains("wrong-secret") == false)
            #expect(password?.isRetriable == false)
            configuration = good
            configuration.virtualHost = "no-such-place"
            let host = await amqpError { try await withAMQPConnection(configuration) { _ in } }
            #expect(host?.code == .virtualHostRefused)
            #expect(host?.message.contains("no-such-place") == true)
        }
    }

    @Test
    func `what accepts and says nothing is given up in time`() async throws {
        let silent = try SilentServer()
        let error = try await failure("amqp://127.0.0.1:\(silent.port)/") { $0.connectTimeout = .milliseconds(200) }
        #expect(error?.code == .timeout)
    }

    @Test
    func `what is not RabbitMQ is recognised`() async throws {
        let web = try SilentServer(greeting: "HTTP/1.1 400 Bad Request\r\n\r\n")
        let error = try await failure("amqp://127.0.0.1:\(web.port)/")
        #expect(error?.code == .connectionRefused)
        #expect(error?.message.contains("does not speak AMQP") == true, "\(error?.message ?? "")")
    }

    @Test
    func `a cancelled connect ends at once`() async throws {
        let silent = try SilentServer()
        let configuration = try AMQPConfiguration(uri: "amqp://127.0.0.1:\(silent.port)/")
        let begun = ContinuousClock.now
        let task = Task { try await withAMQPConnection(configuration) { _ in } }
        task.cancel()
        let error = await amqpError { try await task.value }
        #expect(error?.code == .cancelled)
        #expect(ContinuousClock.now - begun < .seconds(5))
    }

    @Test
    func `one living endpoint of several is enough`() async throws {
        try await withBroker({ $0.endpoints.insert(.init(host: "127.0.0.1", port: 1), at: 0) }) { connection in
            try await connection.makeQueue("q")
            try await connection.send(["x"], to: "q")
        }
    }

    @Test
    func `a refusal ends nothing but its own question`() async throws {
        try await withBroker { connection in
            try await connection.makeQueue("q")
            let missing = await amqpError { try await connection.declareQueue("nope", passive: true) }
            #expect(missing?.code == .notFound)
            #expect(missing?.replyCode == 404)
            let exchange = await amqpError { try await connection.bindQueue("q", to: "nope", key: "k") }
            #expect(exchange?.code == .notFound)
            let other = await amqpError { try await connection.declareQueue("q", durable: true) }
            #expect(other?.code == .preconditionFailed || other?.code == .resourceLocked)
            try await connection.send(["x"], to: "q")
            #expect(try await connection.deleteQueue("q") == 1)
            #expect(connection.statistics.reconnects == 0)
        }
    }

    @Test
    func `exchanges and bindings come and go`() async throws {
        try await withBroker { connection in
            try await connection.declareExchange("e", kind: "topic")
            try await connection.declareExchange("e", kind: "topic", passive: true)
            try await connection.makeQueue("q")
            try await connection.bindQueue("q", to: "e", key: "a.#")
            let message = AMQPMessage(exchange: "e", routingKey: "a.b", body: [], isMandatory: true)
            try await connection.publish(message)
            try await connection.unbindQueue("q", from: "e", key: "a.#")
            let error = await amqpError { try await connection.publish(message) }
            #expect(error?.code == .unroutable)
            try await connection.deleteExchange("e")
            #expect(try await connection.purgeQueue("q") == 1)
        }
    }

    @Test
    func `one message is taken, given back, and taken again; an empty queue gives none`() async throws {
        try await withBroker { connection in
            try await connection.makeQueue("q")
            let none = try await connection.get("q").count
            #expect(none == 0)
            try await connection.send(["x"], to: "q")
            let first = try await connection.get("q")
            first.reject(requeue: true)
            // The broker hears of it on another channel, perhaps a moment later.
            let isBack = try await eventually {
                let again = try await connection.get("q")
                let redelivered = again.messages.map(\.isRedelivered)
                again.acknowledge()
                return redelivered == [true]
            }
            #expect(isBack)
            #expect(connection.statistics.rejected == 1)
            #expect(try await connection.deleteQueue("q") == 0)
        }
    }

    @Test
    func `another connection's exclusive queue is locked`() async throws {
        try await withBroker { connection in
            try await connection.makeQueue("q")
            try await withAMQPConnection(connection.configuration) { other in
                let error = await amqpError { try await other.declareQueue("q", passive: true) }
                #expect(error?.code == .resourceLocked)
            }
        }
    }

    @Test
    func `closing sends what is acknowledged, and afterwards everything says that it is closed`() async throws {
        try await withBroker { connection in
            try await connection.declareQueue("q")
            try await connection.send(["1", "2"], to: "q")
            let second = try await AMQPConnection.connect(connection.configuration)
            let consumer = try await second.consume(queues: ["q"], prefetch: 10)
            #expect(await eventually { second.statistics.delivered == 2 })
            let events = second.events()
            let batch = try await consumer.next(limit: 1, until: soon)
            batch.acknowledge()
            await second.close()
            await second.close()
            #expect(await amqpError { _ = try await consumer.next() }?.code == .closed)
            #expect(await amqpError { try await second.declareQueue("q") }?.code == .closed)
            #expect(await amqpError { try await second.send(["x"], to: "q") }?.code == .closed)
            #expect(await amqpError { _ = try await second.consume(queues: ["q"], prefetch: 1) }?.code == .closed)
            var last: AMQPConnectionEvent?
            for await event in events { last = event }
            guard case .closed? = last else {
                return #expect(Bool(false), "the last event is \(String(describing: last))")
            }
            #expect(try await connection.deleteQueue("q") == 1)
        }
    }

    @Test
    func `a connection that nobody holds any more is closed`() async throws {
        try await withBroker { connection in
            do {
                let second = try await AMQPConnection.connect(connection.configuration)
                try await second.makeQueue("q")
            }
            #expect(await eventually { await amqpError { try await connection.makeQueue("q") } == nil })
        }
    }

    @Test
    func `an idle connection stays, by its heartbeats`() async throws {
        try await withBroker({ $0.heartbeat = .seconds(1) }) { connection in
            try await connection.makeQueue("q")
            let consumer = try await connection.consume(queues: ["q"], prefetch: 1)
            // The broker gives up after two to three silent seconds.
            let idle = try await consumer.next(until: .now + .seconds(5)).count
            #expect(idle == 0)
            try await connection.send(["x"], to: "q")
            #expect(try await consumer.take(1).count == 1)
            #expect(connection.statistics.reconnects == 0)
        }
    }
}

/// Accepts connections, greets, and says nothing more.
final class SilentServer: Sendable {
    let port: UInt16
    private let proxy: FaultProxy
    private let listener: Int32

    private struct Failure: Error {}

    /// The kernel completes connections to a listener by itself; a greeting needs an `accept`.
    init(greeting: String? = nil) throws {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = listener
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                bind(descriptor, generic, size) == 0 && listen(descriptor, 8) == 0
                    && getsockname(descriptor, generic, &size) == 0
            }
        }
        guard status else { throw Failure() }
        port = UInt16(bigEndian: address.sin_port)
        proxy = try FaultProxy(to: port)
        guard let greeting else { return }
        Task.detached {
            let client = accept(descriptor, nil, nil)
            _ = send(client, greeting, greeting.utf8.count, Int32(MSG_NOSIGNAL))
            close(client)
        }
    }

    deinit { close(listener) }
}
