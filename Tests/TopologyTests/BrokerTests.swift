import AMQP
import LocalNetwork
import TestSupport
import Testing
import Wire

@testable import Topology

/// The description against a real RabbitMQ.
@Suite struct BrokerTests {
    private func connect(_ uri: String) async throws -> AMQPConnection {
        try await AMQPConnection.connect(try AMQPConfiguration(uri: uri))
    }

    @Test
    func `a node that loads the definitions at its start has all of them, and importing them again changes nothing`()
        async throws
    {
        let topology = Topology(sites: DefinitionsTests.example)
        let users = [.administrator(password: "secret")] + topology.participantUsers()
        let definitions = topology.definitions(users: users)
        try await withTemporaryFolder { folder in
            let node = try await PrivateRabbitMQ.start(directory: "\(folder)/node", definitions: definitions.bytes)
            func export() async throws -> JSON {
                try await node.control(["export_definitions", "\(folder)/export.json"])
                return try JSON(parsing: PrivateFile.read("\(folder)/export.json") ?? [])
            }
            #expect(topology.compare(with: try await export(), users: users) == [])

            let connection = try await connect(node.uri(user: "admin", password: "secret", vhost: "execbus"))
            #expect(try await topology.check(over: connection) == [])

            try PrivateFile.write(definitions.bytes, to: "\(folder)/again.json")
            try await node.control(["import_definitions", "\(folder)/again.json"])
            #expect(topology.compare(with: try await export(), users: users) == [])
            #expect(try await topology.check(over: connection) == [])
            #expect(try await topology.apply(over: connection) == [])
            await connection.close()
            await node.stop()
        }
    }

    @Test func `an empty virtual host gets everything over AMQP`() async throws {
        let broker = try await TestBroker.shared
        let virtualHost = try await broker.makeVirtualHost()
        let topology = Topology(sites: DefinitionsTests.example)
        let connection = try await connect(broker.uri(virtualHost))
        let missing = try await topology.check(over: connection)
        #expect(missing.count == topology.exchanges.count + topology.queues.count)
        #expect(missing.allSatisfy { $0.fault == .isMissing })
        #expect(try await topology.apply(over: connection) == [])
        #expect(try await topology.check(over: connection) == [])
        try await withTemporaryFolder { folder in
            try await broker.node.control(["export_definitions", "\(folder)/export.json"])
            let export = try JSON(parsing: PrivateFile.read("\(folder)/export.json") ?? [])
            let findings = topology.compare(with: export, users: [], virtualHost: virtualHost)
            // All but what AMQP cannot make.
            #expect(findings.map(\.subject) == [.policy])
        }
        await connection.close()
    }

    @Test func `a deleted queue, a wrong argument and a wrong kind are told in one line each`() async throws {
        try await withNetwork { network in
            let connection = try await connect(network.administratorURI)
            try await connection.deleteQueue("harbor.ral")
            try await connection.deleteQueue("retry.1s")
            try await connection.declareQueue(
                "retry.1s", arguments: ["x-queue-type": "quorum", "x-message-ttl": 5])
            try await connection.deleteExchange("callbacks")
            try await connection.declareExchange("callbacks", kind: "direct")
            let lines = try await network.topology.check(over: connection).map(\.description)
            #expect(lines.count == 3)
            #expect(lines.allSatisfy { !$0.contains("\n") })
            #expect(lines.contains("queue harbor.ral is missing: run execbus topology apply"))
            #expect(lines.contains { $0.hasPrefix("exchange callbacks has other properties (inequivalent arg 'type'") })
            #expect(lines.contains { $0.hasPrefix("queue retry.1s has other arguments (inequivalent arg 'x-") })
            // A check makes nothing.
            #expect(try await network.topology.check(over: connection).count == 3)

            let applied = try await network.topology.apply(over: connection)
            #expect(applied.map(\.name) == ["callbacks", "retry.1s"])
            #expect(try await network.topology.check(over: connection).map(\.name) == ["callbacks", "retry.1s"])

            let compared = network.topology.compare(
                with: try await network.export(), users: network.users, virtualHost: network.virtualHost)
            #expect(Set(compared.map(\.name)).isSuperset(of: ["callbacks", "retry.1s"]))
            await connection.close()
        }
    }

    @Test func `looking at parked messages drops none, and a queue of before the limit is told of`() async throws {
        try await withNetwork { network in
            let connection = try await connect(network.administratorURI)
            try await connection.publish(
                AMQPMessage(exchange: "parked", routingKey: "harbor.ral", body: Array("p".utf8), isMandatory: true))
            var looks = 0
            // What is given back is there again a moment later.
            let isThere = try await eventually {
                let batch = try await connection.get("harbor.ral.parked")
                looks += batch.count
                batch.reject(requeue: true)
                return looks == 50
            }
            #expect(isThere, "it was there \(looks) times")
            try await connection.deleteQueue("cavern.ral.parked")
            try await connection.declareQueue("cavern.ral.parked", arguments: ["x-queue-type": "quorum"])
            let lines = try await network.topology.check(over: connection).map(\.description)
            #expect(lines.count == 1)
            #expect(lines.first?.hasPrefix("queue cavern.ral.parked has other arguments (inequivalent arg") == true)
            #expect(lines.first?.contains("x-delivery-limit") == true, "\(lines)")
            await connection.close()
        }
    }

    @Test func `an administrator may publish in a participant's name, and nobody else`() async throws {
        let topology = Topology(sites: DefinitionsTests.example)
        let json = topology.definitions(users: [.administrator(password: nil)] + topology.participantUsers())
        let tags = (json["users"]?.array ?? []).compactMap { $0["tags"]?.string }
        #expect(tags.filter { $0.contains("impersonator") } == ["administrator,impersonator"])
    }

    @Test func `a message waits its delay and returns to the queue that it came from`() async throws {
        try await withNetwork { network in
            let connection = try await connect(network.uri("harbor.ral"))
            let start = ContinuousClock.now
            try await connection.publish(
                AMQPMessage(
                    exchange: "retry", routingKey: "harbor.ral",
                    properties: AMQPProperties(headers: ["delay": "1s"]), body: Array("again".utf8),
                    isMandatory: true))
            let consumer = try await connection.consume(queues: ["harbor.ral"], prefetch: 10)
            let batch = try await consumer.next(until: .now + .seconds(20))
            let waited = ContinuousClock.now - start
            #expect(batch.messages.first?.body == Array("again".utf8))
            #expect(waited >= .milliseconds(900))
            batch.acknowledge()
            await connection.close()
        }
    }

    @Test func `what is parked rests, also for a queue that does not exist`() async throws {
        try await withNetwork { network in
            let connection = try await connect(network.uri("harbor.ral"))
            for queue in ["harbor.ral", "nobody"] {
                try await connection.publish(
                    AMQPMessage(exchange: "parked", routingKey: queue, body: Array(queue.utf8), isMandatory: true))
            }
            let operator_ = try await connect(network.administratorURI)
            for (queue, body) in [("harbor.ral.parked", "harbor.ral"), ("unrouted.parked", "nobody")] {
                let batch = try await operator_.get(queue)
                #expect(batch.messages.first?.body == Array(body.utf8))
                batch.acknowledge()
            }
            await operator_.close()
            await connection.close()
        }
    }
}
