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
            broker.declareExchange(exchange.rawValue, kind: exchange == .parked ? "direct" : "topic")
        }
        broker.declareQueue("bank", bindings: [("commands", "bank"), ("replies", "bank")])
        broker.declareQueue("bank.parked", bindings: [("parked", "bank")])
        broker.declareQueue("other", bindings: [("commands", "other")])
        broker.declareQueue("answers", bindings: [("replies", "client.#")])
        broker.declareQueue("facts", bindings: [("events", "#")])
        client = broker.transport(user: "client")
    }

    /// Runs a bank while `body` runs, and drains it.
    func withBank(
        store: any Store, performer: any Performer = NoActivities(), services: Set<String> = [],
        _ body: (ParticipantLoop<Bank>) async throws -> Void
    ) async throws {
        var settings = LoopSettings(log: .silent)
        settings.services = services
        let loop = try await ParticipantLoop(
            Bank(), address: "bank", instance: "1", queues: ["bank"], store: store,
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
        headers: [String: AMQPValue] = [:]
    ) async -> PublishOutcome {
        var properties = AMQPProperties()
        properties.type = type
        properties.messageID = id
        properties.replyTo = replyTo
        properties.correlationID = correlationID
        properties.userID = userID
        properties.headers = headers
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

    struct Missing: Error {
        let queue: String
        let count: Int
    }

    func slug(_ message: ReceivedMessage) -> String? {
        message.problem?.kind.rawValue
    }
}
