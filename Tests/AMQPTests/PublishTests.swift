import AMQP
import TestSupport
import Testing

@Suite("Publishing", .timeLimit(.minutes(2)))
struct PublishTests {
    @Test
    func `a published message is with the broker when publish returns`() async throws {
        try await withBroker { connection in
            try await connection.makeQueue("q")
            try await connection.publish(AMQPMessage(exchange: "", routingKey: "q", body: Array("hello".utf8)))
            let batch = try await connection.get("q")
            #expect(batch.messages.map(\.text) == ["hello"])
            batch.acknowledge()
            #expect(connection.statistics.confirmed == 1)
        }
    }

    @Test(arguments: [0, 1, 131_063, 131_064, 131_065, 262_127, 262_128, 262_129, 1 << 20, 16 << 20])
    func `a body of any size arrives as it was`(size: Int) async throws {
        try await withBroker { connection in
            try await connection.makeQueue("q")
            let body = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
            try await connection.publish(AMQPMessage(exchange: "", routingKey: "q", body: body))
            let consumer = try await connection.consume(queues: ["q"], prefetch: 10)
            let batch = try await consumer.next(until: soon)
            #expect(batch.messages.map { $0.body == body } == [true])
            batch.acknowledge()
        }
    }

    @Test
    func `properties and headers of every type arrive as they were`() async throws {
        try await withBroker { connection in
            try await connection.makeQueue("q")
            let properties = AMQPProperties(
                contentType: "application/json", contentEncoding: "utf-8",
                headers: [
                    "bool": true, "int": .int(.min), "double": .double(0.1), "string": "ä", "bytes": .bytes([0, 255]),
                    "time": .timestamp(1_700_000_000), "decimal": .decimal(scale: 2, value: 314), "void": .void,
                    "array": .array([1, "two", .array([])]), "table": .table(["a": .table(["b": false])]),
                ],
                isPersistent: true, priority: 3, correlationID: "c", replyTo: "r", expiration: "60000", messageID: "m",
                timestamp: 1_800_000_000, type: "t", userID: connection.configuration.user, appID: "a")
            try await connection.publish(
                AMQPMessage(exchange: "", routingKey: "q", properties: properties, body: [1]))
            let batch = try await connection.get("q")
            #expect(batch.messages.first?.properties == properties)
            batch.acknowledge()
        }
    }

    @Test
    func `a batch far over the window is confirmed in order`() async throws {
        try await withBroker({ $0.publishWindow = 50 }) { connection in
            try await connection.makeQueue("q")
            try await connection.send((0..<3000).map(String.init), to: "q")
            let consumer = try await connection.consume(queues: ["q"], prefetch: 300)
            let taken = try await consumer.take(3000)
            #expect(taken.map(\.text) == (0..<3000).map(String.init))
            #expect(connection.statistics.confirmed == 3000)
        }
    }

    @Test
    func `many tasks publish at once and each gets its own answer`() async throws {
        try await withBroker({ $0.publishWindow = 20 }) { connection in
            try await connection.makeQueue("q")
            try await withThrowingTaskGroup { group in
                for number in 0..<300 {
                    group.addTask {
                        let key = number % 3 == 0 ? "nobody" : "q"
                        let error = await amqpError {
                            try await connection.publish(
                                AMQPMessage(
                                    exchange: "", routingKey: key, body: [UInt8(number % 256)], isMandatory: true))
                        }
                        #expect(error?.code == (number % 3 == 0 ? .unroutable : nil))
                    }
                }
                try await group.waitForAll()
            }
            #expect(connection.statistics.returned == 100)
        }
    }

    @Test
    func `a mandatory message that no queue takes is told from its neighbours`() async throws {
        try await withBroker { connection in
            try await connection.makeQueue("q")
            let keys = ["q", "none", "q", "none", "none", "q"]
            let outcomes = await connection.publish(
                keys.enumerated().map { index, key in
                    AMQPMessage(
                        exchange: "", routingKey: key, properties: AMQPProperties(messageID: "\(index)"), body: [],
                        isMandatory: true)
                })
            #expect(outcomes.map { $0.error?.code } == [nil, .unroutable, nil, .unroutable, .unroutable, nil])
            #expect(outcomes.map { $0.error?.replyCode } == [nil, 312, nil, 312, 312, nil])
        }
    }

    @Test
    func `a full queue refuses, and the message may be tried again`() async throws {
        try await withBroker { connection in
            try await connection.makeQueue("q", arguments: ["x-max-length": 1, "x-overflow": "reject-publish"])
            try await connection.send(["first"], to: "q")
            let error = await amqpError { try await connection.send(["second"], to: "q") }
            #expect(error?.code == .nacked)
            #expect(error?.isRetriable == true)
        }
    }

    @Test
    func `a missing exchange is named, its neighbours may be tried again, and the next publish works`() async throws {
        try await withBroker { connection in
            try await connection.makeQueue("q")
            let outcomes = await connection.publish([
                AMQPMessage(exchange: "nope", routingKey: "q", body: []),
                AMQPMessage(exchange: "", routingKey: "q", body: []),
            ])
            #expect(outcomes.map { $0.error?.code } == [.notFound, .channelClosed])
            #expect(outcomes.map { $0.error?.isRetriable } == [false, true])
            #expect(outcomes.first?.error?.message.contains("nope") == true)
            try await connection.send(["after"], to: "q")
        }
    }

    @Test
    func `a foreign user id is refused by the broker and blamed on its message alone`() async throws {
        try await withBroker { connection in
            try await connection.makeQueue("q")
            let outcomes = await connection.publish([
                AMQPMessage(exchange: "", routingKey: "q", properties: AMQPProperties(userID: "mallory"), body: []),
                AMQPMessage(exchange: "", routingKey: "q", properties: AMQPProperties(userID: "admin"), body: []),
            ])
            #expect(outcomes.map { $0.error?.code } == [.preconditionFailed, .channelClosed])
        }
    }

    @Test
    func `what cannot be sent is refused here and harms nothing`() async throws {
        try await withBroker({ $0.maxBodyBytes = 1000 }) { connection in
            try await connection.makeQueue("q")
            let long = String(repeating: "x", count: 256)
            let outcomes = await connection.publish([
                AMQPMessage(exchange: "", routingKey: "q", body: []),
                AMQPMessage(exchange: "", routingKey: long, body: []),
                AMQPMessage(exchange: "", routingKey: "q", body: Array(repeating: 0, count: 1001)),
                AMQPMessage(
                    exchange: "", routingKey: "q",
                    properties: AMQPProperties(headers: ["h": .bytes(Array(repeating: 0, count: 140_000))]), body: []),
                AMQPMessage(exchange: "", routingKey: "q", properties: AMQPProperties(expiration: "soon"), body: []),
                AMQPMessage(exchange: "", routingKey: "q", body: []),
            ])
            #expect(
                outcomes.map { $0.error?.code } == [nil, .tooLarge, .tooLarge, .tooLarge, .invalidArgument, nil])
            #expect(try await connection.purgeQueue("q") == 2)
        }
    }

    @Test
    func `a cancelled task still learns what became of its message`() async throws {
        try await withBroker { connection in
            try await connection.makeQueue("q")
            let task = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                try await connection.send(["x"], to: "q")
            }
            try await task.value
            #expect(try await connection.purgeQueue("q") == 1)
        }
    }
}
