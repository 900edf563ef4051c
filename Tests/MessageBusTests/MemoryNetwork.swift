import AMQP
import MessageBus
import Store
import Synchronization
import TestSupport
import Wire

/// A broker in memory with the exchanges and the queues that a bank needs, and a client that listens.
final class MemoryNetwork: Sendable {
    let broker = MemoryBroker()
    let client: MemoryTransport

    init() {
        for exchange in Exchange.allCases {
            let kind =
                switch exchange {
                case .parked, .requeue: "direct"
                case .retry: "headers"
                default: "topic"
                }
            broker.declareExchange(exchange.rawValue, kind: kind)
        }
        broker.declareQueue("bank", bindings: [("commands", "bank"), ("replies", "bank"), ("requeue", "bank")])
        broker.declareQueue("bank.offers", bindings: [("offers", "#")])
        for delay in RetryDelay.allCases {
            broker.declareWaitingQueue(
                "retry.\(delay.rawValue)", of: "retry", headers: ["delay": .string(delay.rawValue)],
                deadLettersTo: "requeue")
        }
        broker.declareQueue("bank.parked", bindings: [("parked", "bank")])
        broker.declareQueue("other", bindings: [("commands", "other")])
        broker.declareQueue("answers", bindings: [("replies", "client.#")])
        broker.declareQueue("facts", bindings: [("events", "#")])
        client = broker.transport(user: "client")
    }

    /// Runs a bank while `body` runs, and drains it.
    func withBank(
        store: any Store, performer: any Performer = NoActivities(), weather: Weather = Weather(),
        settings change: (inout LoopSettings) -> Void = { _ in }, _ body: (ParticipantLoop<Bank>) async throws -> Void
    ) async throws {
        var settings = LoopSettings(log: .silent)
        change(&settings)
        let loop = try await ParticipantLoop(
            Bank(weather: weather), address: "bank", instance: "1", queues: ["bank", "bank.offers"], store: store,
            transport: broker.transport(user: "bank"), performer: performer, settings: settings)
        let running = Task { try await loop.run() }
        do {
            try await body(loop)
        } catch {
            loop.drain()
            try? await running.value
            throw error
        }
        loop.drain()
        try await running.value
    }

    @discardableResult
    func send(
        _ type: String?, _ body: String, id: String? = "m1", to key: String = "bank",
        replyTo: String? = "client.client.1",
        exchange: String = "commands", correlationID: String? = "c1", userID: String? = "client",
        headers: [String: AMQPValue] = [:], change: (inout AMQPProperties) -> Void = { _ in }
    ) async -> PublishOutcome {
        var properties = AMQPProperties()
        properties.type = type
        properties.messageID = id
        properties.replyTo = replyTo
        properties.correlationID = correlationID
        properties.userID = userID
        properties.headers = headers
        change(&properties)
        let message = AMQPMessage(exchange: exchange, routingKey: key, properties: properties, body: Array(body.utf8))
        return await client.publish([message])[0]
    }

    /// Waits until a queue holds so many messages.
    func messages(_ queue: String, count: Int) async throws -> [ReceivedMessage] {
        guard await eventually(within: .seconds(60), { self.broker.messages(in: queue).count >= count }) else {
            throw Missing(queue: queue, count: broker.messages(in: queue).count)
        }
        return broker.messages(in: queue).map(ReceivedMessage.init)
    }

    /// Waits until a message waits in the queue of a delay.
    func waiting(_ delay: RetryDelay, count: Int = 1) async throws -> [AMQPDelivery] {
        let queue = "retry.\(delay.rawValue)"
        _ = try await messages(queue, count: count)
        return broker.messages(in: queue)
    }

    /// Waits until a message waits in the queue of a delay, and lets the delay be over.
    func pass(_ delay: RetryDelay, count: Int = 1) async throws {
        _ = try await waiting(delay, count: count)
        broker.expire("retry.\(delay.rawValue)")
    }

    /// Sends a delivery to the bank's queue as RabbitMQ returns it from waiting.
    func giveBack(_ delivery: AMQPDelivery) async {
        let message = AMQPMessage(
            exchange: "requeue", routingKey: "bank", properties: delivery.properties, body: delivery.body)
        _ = await broker.transport(user: "bank").publish([message])
    }

    /// Sends a parked delivery as an operator replays it, in the bank's name.
    func replay(_ delivery: AMQPDelivery) async {
        _ = await broker.transport(user: "bank").publish([ParkedMessage(delivery).replayed()])
    }

    /// What the bank says that it has, once everything before is handled.
    func total(after answers: Int) async throws -> Int64? {
        await send("test.get.v1", "{}", id: nil, replyTo: "client.client.total")
        return try await messages("answers", count: answers + 1).last?.body["total"]?.int
    }

    struct Missing: Error {
        let queue: String
        let count: Int
    }

    /// The slug of the problem that the answer of this number is, counted from 1; empty where it is none.
    func problem(_ number: Int) async throws -> String {
        slug(try await messages("answers", count: number)[number - 1]) ?? ""
    }

    func slug(_ message: ReceivedMessage) -> String? {
        message.problem?.kind.rawValue
    }
}
