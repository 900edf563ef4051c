import AMQP
import TestSupport
import Testing
import Topology

/// What RabbitMQ lets each user do, with the definitions loaded.
@Suite struct PermissionTests {
    private func refusal(_ action: () async throws(AMQPError) -> Void) async -> AMQPError.Code? {
        do throws(AMQPError) {
            try await action()
            return nil
        } catch {
            return error.code
        }
    }

    private func publish(
        _ connection: AMQPConnection, _ exchange: String, _ key: String, as user: String? = nil
    ) async -> AMQPError.Code? {
        var properties = AMQPProperties()
        properties.userID = user
        let message = AMQPMessage(
            exchange: exchange, routingKey: key, properties: properties, body: Array("{}".utf8))
        return await refusal { () async throws(AMQPError) in try await connection.publish(message) }
    }

    @Test func `participants, users and readers can do what they have to and nothing else`() async throws {
        try await withNetwork(outsiders: [("anna", .submitter), ("bob", .submitter), ("rita", .reader)]) { network in
            func connect(_ user: String) async throws -> AMQPConnection {
                try await AMQPConnection.connect(try AMQPConfiguration(uri: network.uri(user)))
            }
            // A participant.
            let broker = try await connect("execution-broker.ral")
            for (exchange, key) in [
                ("commands", "canfar.ral"), ("events", "session.ral.available.1f"), ("replies", "client.anna.a"),
                ("heartbeats", "ral.execution-broker.h"), ("callbacks", "client.anna.a"), ("parked", "x"),
            ] {
                #expect(await publish(broker, exchange, key) == nil, "\(exchange) \(key)")
            }
            for (exchange, key) in [
                ("commands", "canfar.caen"), ("events", "session.caen.available.1f"), ("offers", "offer.request.any"),
                ("events", "task.ral.harbor-completed.1f"), ("heartbeats", "caen.execution-broker.h"),
                ("requeue", "harbor.ral"), ("", "harbor.ral"),
            ] {
                #expect(await publish(broker, exchange, key) == .accessRefused, "\(exchange) \(key)")
            }
            #expect(await publish(broker, "replies", "client.anna.a", as: "harbor.ral") == .preconditionFailed)
            #expect(
                await refusal { () async throws(AMQPError) in
                    _ = try await broker.consume(queues: ["execution-broker.caen"], prefetch: 1)
                } == .accessRefused)
            #expect(
                await refusal { () async throws(AMQPError) in try await broker.declareQueue("mine") }
                    == .accessRefused)
            _ = try await broker.consume(queues: ["execution-broker.ral", "execution-broker.ral.offers"], prefetch: 10)
            await broker.close()

            // A user who submits.
            let anna = try await connect("anna")
            #expect(await publish(anna, "commands", "global-execution", as: "anna") == nil)
            #expect(await publish(anna, "commands", "execution-broker.caen") == nil)
            for (exchange, key) in [
                ("commands", "permissions"), ("replies", "client.bob.a"), ("callbacks", "client.bob.a"),
                ("events", "session.ral.available.1f"), ("offers", "offer.request.any"), ("parked", "x"),
                ("", "global-execution"),
            ] {
                #expect(await publish(anna, exchange, key) == .accessRefused, "\(exchange) \(key)")
            }
            #expect(await publish(anna, "commands", "global-execution", as: "bob") == .preconditionFailed)
            try await anna.declareQueue("client.anna.a", exclusive: true)
            for (exchange, key) in [
                ("replies", "client.anna.a"), ("callbacks", "client.anna.#"), ("events", "#"), ("heartbeats", "#"),
            ] {
                try await anna.bindQueue("client.anna.a", to: exchange, key: key)
            }
            for (exchange, key) in [
                ("replies", "client.bob.a"), ("replies", "#"), ("callbacks", "client.*.a"), ("commands", "#"),
                ("offers", "offer.request.any"),
            ] {
                let code = await refusal { () async throws(AMQPError) in
                    try await anna.bindQueue("client.anna.a", to: exchange, key: key)
                }
                #expect(code == .accessRefused, "\(exchange) \(key)")
            }
            for queue in ["client.bob.a", "client.anna", "anything"] {
                let code = await refusal { () async throws(AMQPError) in try await anna.declareQueue(queue) }
                #expect(code == .accessRefused, "\(queue)")
            }
            await anna.close()

            // A user who only reads.
            let rita = try await connect("rita")
            #expect(await publish(rita, "commands", "global-execution") == .accessRefused)
            try await rita.declareQueue("client.rita.a", exclusive: true)
            try await rita.bindQueue("client.rita.a", to: "events", key: "session.#")
            let code = await refusal { () async throws(AMQPError) in
                try await rita.bindQueue("client.rita.a", to: "replies", key: "client.rita.a")
            }
            #expect(code == .accessRefused)
            let history = try await rita.consume(
                queues: ["history"], prefetch: 10, arguments: ["x-stream-offset": "first"])
            let batch = try await history.next(until: .now + .seconds(20))
            #expect(batch.messages.first?.routingKey == "session.ral.available.1f")
            batch.acknowledge()
            await rita.close()
        }
    }

    @Test func `a user has twenty connections and no more`() async throws {
        try await withNetwork(outsiders: [("carl", .reader)]) { network in
            let configuration = try AMQPConfiguration(uri: network.uri("carl"))
            var connections: [AMQPConnection] = []
            for _ in 0..<20 { connections.append(try await AMQPConnection.connect(configuration)) }
            await #expect(throws: AMQPError.self) { try await AMQPConnection.connect(configuration) }
            for connection in connections { await connection.close() }
        }
    }
}
