import AMQP
import MessageBus
import TestSupport
import Testing

/// What every transport promises. The same tests run on the broker in memory and on a real RabbitMQ.
@Suite struct TransportContract {
    enum Engine: CaseIterable, Sendable { case memory, rabbitMQ }

    private func withTransport(
        _ engine: Engine, _ body: (any Transport) async throws -> Void
    ) async throws {
        switch engine {
        case .memory:
            let broker = MemoryBroker()
            broker.declareExchange("things", kind: "topic")
            broker.declareQueue("first", bindings: [("things", "a.*"), ("things", "both.#")])
            broker.declareQueue("second", bindings: [("things", "both.#")])
            try await body(broker.transport(user: TestBroker.user))
        case .rabbitMQ:
            try await withVirtualHost { uri in
                let configuration = try AMQPConfiguration(uri: uri)
                try await withAMQPConnection(configuration) { connection in
                    try await connection.declareExchange("things", kind: "topic")
                    for queue in ["first", "second"] {
                        _ = try await connection.declareQueue(queue, arguments: ["x-queue-type": .string("quorum")])
                        try await connection.bindQueue(queue, to: "things", key: "both.#")
                    }
                    try await connection.bindQueue("first", to: "things", key: "a.*")
                }
                let transport = try await AMQPTransport(configuration)
                do {
                    try await body(transport)
                } catch {
                    await transport.close()
                    throw error
                }
                await transport.close()
            }
        }
    }

    private func message(_ text: String, key: String = "a.b", mandatory: Bool = true, user: String? = nil)
        -> AMQPMessage
    {
        var properties = AMQPProperties()
        properties.userID = user
        properties.headers = ["number": .int(1 << 40), "text": .string("é")]
        return AMQPMessage(
            exchange: "things", routingKey: key, properties: properties, body: Array(text.utf8), isMandatory: mandatory)
    }

    private func take(_ count: Int, _ subscription: any Subscription) async throws -> [AMQPDelivery] {
        var taken: [AMQPDelivery] = []
        let end = ContinuousClock.now + .seconds(10)
        while taken.count < count, .now < end {
            let batch = try await subscription.next(until: end)
            taken += batch.messages
            batch.acknowledge()
        }
        return taken
    }

    @Test(arguments: Engine.allCases)
    func `messages arrive in order, with their properties, at every queue that is bound`(_ engine: Engine) async throws
    {
        try await withTransport(engine) { transport in
            let outcomes = await transport.publish((1...50).map { message("\($0)", key: "both.x") })
            #expect(outcomes.allSatisfy { $0.isConfirmed })
            for queue in ["first", "second"] {
                let subscription = try await transport.subscribe(to: [queue], prefetch: 10)
                let taken = try await take(50, subscription)
                #expect(taken.map { String(decoding: $0.body, as: UTF8.self) } == (1...50).map(String.init))
                #expect(taken[0].properties.headers["number"] == .int(1 << 40))
                #expect(taken[0].header("text") == "é")
                #expect(taken[0].queue == queue)
                #expect(taken[0].routingKey == "both.x")
                await subscription.cancel()
            }
        }
    }

    @Test(arguments: Engine.allCases)
    func `a mandatory message that no queue takes comes back, another is dropped`(_ engine: Engine) async throws {
        try await withTransport(engine) { transport in
            let outcomes = await transport.publish([
                message("1"), message("2", key: "nowhere"), message("3", key: "nowhere", mandatory: false),
                message("4"),
            ])
            #expect(outcomes.map(\.isConfirmed) == [true, false, true, true])
            guard case .returned = outcomes[1] else {
                Issue.record("\(outcomes[1])")
                return
            }
        }
    }

    @Test(arguments: Engine.allCases)
    func `a batch that is dropped without being settled comes again and says so`(_ engine: Engine) async throws {
        try await withTransport(engine) { transport in
            _ = await transport.publish([message("1"), message("2")])
            let subscription = try await transport.subscribe(to: ["first"], prefetch: 10)
            var seen = 0
            while seen < 2 { seen += try await subscription.next(until: .now + .seconds(10)).messages.count }
            let again = try await take(2, subscription)
            #expect(again.map { String(decoding: $0.body, as: UTF8.self) } == ["1", "2"])
            #expect(again.allSatisfy { $0.isRedelivered })
        }
    }

    @Test(arguments: Engine.allCases)
    func `no more than the prefetch is unsettled`(_ engine: Engine) async throws {
        try await withTransport(engine) { transport in
            _ = await transport.publish((1...6).map { message("\($0)") })
            let subscription = try await transport.subscribe(to: ["first"], prefetch: 4)
            var held: [AMQPDelivery] = []
            let first = try await subscription.next(until: .now + .seconds(10))
            held += first.messages
            let second = try await subscription.next(until: .now + .milliseconds(200))
            held += second.messages
            let third = try await subscription.next(until: .now + .milliseconds(200))
            held += third.messages
            #expect(held.count == 4)
            first.acknowledge()
            second.acknowledge()
            third.acknowledge()
            let rest = try await take(2, subscription)
            #expect(rest.count == 2)
        }
    }

    @Test(arguments: Engine.allCases)
    func `waiting ends at the deadline, and at once after an interrupt, also one that came before`(_ engine: Engine)
        async throws
    {
        try await withTransport(engine) { transport in
            let subscription = try await transport.subscribe(to: ["first"], prefetch: 4)
            let late = try await subscription.next(until: .now + .milliseconds(30))
            #expect(late.messages.isEmpty)
            late.acknowledge()
            subscription.interrupt()
            let early = try await subscription.next(until: nil)
            #expect(early.messages.isEmpty)
            early.acknowledge()
            async let waiting = subscription.next(until: nil).messages.count
            subscription.interrupt()
            let count = try await waiting
            #expect(count == 0)
        }
    }

    @Test(arguments: Engine.allCases)
    func `deliveries that nobody took go back when the subscription is cancelled`(_ engine: Engine) async throws {
        try await withTransport(engine) { transport in
            let first = try await transport.subscribe(to: ["first"], prefetch: 10)
            _ = await transport.publish([message("1"), message("2")])
            await first.cancel()
            await #expect(throws: (any Error).self) {
                while true { (try await first.next(until: .now + .seconds(1))).acknowledge() }
            }
            let second = try await transport.subscribe(to: ["first"], prefetch: 10)
            let rest = try await take(2, second)
            #expect(rest.count == 2)
        }
    }

    @Test(arguments: Engine.allCases)
    func `a message under another user's name is refused, and a missing queue is an error`(_ engine: Engine)
        async throws
    {
        try await withTransport(engine) { transport in
            #expect(await transport.publish([message("1", user: "somebody-else")])[0].isConfirmed == false)
            #expect(await transport.publish([message("1", user: TestBroker.user)])[0].isConfirmed)
            await #expect(throws: (any Error).self) {
                _ = try await transport.subscribe(to: ["missing"], prefetch: 10)
            }
        }
    }
}
