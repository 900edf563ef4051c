import AMQP
import Testing
import Wire

@testable import MessageBus

/// What an operator is told of a parked message, and what is sent when it is replayed.
@Suite struct ParkedMessageTests {
    private func delivery(
        user: String?, headers: [String: AMQPValue], key: String = "bank", body: String = #"{"amount": 1}"#
    ) -> AMQPDelivery {
        var properties = AMQPProperties()
        properties.type = "test.add.v1"
        properties.messageID = "m1"
        properties.userID = user
        properties.replyTo = "client.client.1"
        properties.correlationID = "c1"
        properties.headers = headers
        return AMQPDelivery(
            queue: "\(key).parked", exchange: "parked", routingKey: key, isRedelivered: false, properties: properties,
            body: Array(body.utf8))
    }

    private let told: [String: AMQPValue] = [
        "reason": "internal: broken", "attempt": 5, "first_failed": "2026-11-24T10:00:00Z",
        "last_failed": "2026-11-24T10:11:11Z", "original_exchange": "events", "original_key": "session.ral.x.1",
        "asker": "client", "colour": "red",
    ]

    /// As RabbitMQ 3.10 writes it.
    private let death: [String: AMQPValue] = [
        "x-death": .array([
            .table([
                "count": 1, "exchange": "commands", "queue": "bank", "reason": "delivery_limit",
                "routing-keys": .array(["bank"]), "time": .timestamp(1_764_000_000),
            ])
        ]),
        "x-first-death-exchange": "commands", "x-delivery-count": 21, "colour": "red",
    ]

    @Test func `what the participant wrote is told`() {
        let parked = ParkedMessage(delivery(user: "bank", headers: told))
        #expect(parked.receiver == "bank")
        #expect(parked.exchange == "events")
        #expect(parked.key == "session.ral.x.1")
        #expect(parked.asker == "client")
        #expect(parked.reason == "internal: broken")
        #expect(parked.attempts == 5)
        #expect(parked.firstFailed == Timestamp("2026-11-24T10:00:00Z"))
        #expect(parked.lastFailed == Timestamp("2026-11-24T10:11:11Z"))
    }

    @Test func `what RabbitMQ moved by itself says so, and a stranger's own headers are not believed`() {
        let parked = ParkedMessage(delivery(user: "client", headers: told.merging(death) { $1 }))
        #expect(parked.exchange == "commands")
        #expect(parked.key == "bank")
        #expect(parked.asker == "client")
        #expect(parked.reason == "rabbitmq: delivery_limit")
        #expect(parked.attempts == nil)
        #expect(parked.lastFailed == Timestamp(microseconds: 1_764_000_000_000_000))
    }

    @Test func `a replay keeps the identity, says where it came from, and all tries are before it`() throws {
        for (user, headers) in [("bank", told), ("client", death)] {
            let parked = ParkedMessage(delivery(user: user, headers: headers))
            let message = parked.replayed()
            #expect(message.exchange == "requeue")
            #expect(message.routingKey == "bank")
            #expect(message.isMandatory)
            #expect(message.properties.userID == "bank")
            #expect(message.properties.messageID == "m1")
            #expect(message.properties.type == "test.add.v1")
            #expect(message.properties.replyTo == "client.client.1")
            #expect(message.properties.correlationID == "c1")
            #expect(message.body == parked.delivery.body)
            #expect(
                message.properties.headers == [
                    "original_exchange": .string(parked.exchange), "original_key": .string(parked.key),
                    "asker": "client", "colour": "red",
                ])
        }
    }

    @Test func `a deadline is taken away only where that is asked for`() {
        let parked = ParkedMessage(
            delivery(user: "bank", headers: told.merging(["deadline": "2026-11-24T10:00:00Z"]) { $1 }))
        #expect(parked.deadline == Timestamp("2026-11-24T10:00:00Z"))
        #expect(parked.replayed().properties.headers["deadline"] == "2026-11-24T10:00:00Z")
        #expect(parked.replayed(ignoringDeadline: true).properties.headers["deadline"] == nil)
    }

    @Test(
        arguments: [
            ["x-death": .array([])], ["x-death": "no"], ["x-death": .array([.void])],
            ["x-death": .array([.table([:])])],
            ["x-death": .array([.table(["time": .timestamp(.max), "routing-keys": .array([])])])],
            ["attempt": "many", "first_failed": "soon", "original_exchange": 7],
        ] as [[String: AMQPValue]])
    func `headers that make no sense are passed over`(_ headers: [String: AMQPValue]) {
        for user in ["bank", "client", nil] {
            let parked = ParkedMessage(delivery(user: user, headers: headers))
            #expect(parked.attempts == nil)
            #expect(parked.replayed().routingKey == "bank")
        }
    }
}
