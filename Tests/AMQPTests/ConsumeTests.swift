import AMQP
import TestSupport
import Testing

@Suite("Consuming", .timeLimit(.minutes(2)))
struct ConsumeTests {
    @Test
    func `several queues are consumed on one channel and told apart`() async throws {
        try await withBroker { connection in
            try await connection.makeQueue("a")
            try await connection.makeQueue("b")
            try await connection.send(["1", "2"], to: "a")
            try await connection.send(["3"], to: "b")
            let consumer = try await connection.consume(queues: ["a", "b"], prefetch: 10)
            let taken = try await consumer.take(3)
            #expect(taken.filter { $0.queue == "a" }.map(\.text) == ["1", "2"])
            #expect(taken.filter { $0.queue == "b" }.map(\.text) == ["3"])
        }
    }

    @Test
    func `the prefetch count holds back what is not settled`() async throws {
        try await withBroker { connection in
            try await connection.makeQueue("q")
            try await connection.send((0..<10).map(String.init), to: "q")
            let consumer = try await connection.consume(queues: ["q"], prefetch: 4)
            #expect(
                try await eventually {
                    try await connection.declareQueue("q", durable: false, exclusive: true, passive: true).messages == 6
                })
            let first = try await consumer.next(until: soon)
            let firstCount = first.count
            #expect(firstCount == 4)
            let none = try await consumer.next(until: .now + .milliseconds(50))
            let noneCount = none.count
            #expect(noneCount == 0)
            first.acknowledge()
            let second = try await consumer.take(6)
            #expect(second.map(\.text) == ["4", "5", "6", "7", "8", "9"])
        }
    }

    @Test
    func `the limit cuts a batch, and each part is settled for itself`() async throws {
        try await withBroker { connection in
            try await connection.makeQueue("q")
            try await connection.send((0..<10).map(String.init), to: "q")
            let consumer = try await connection.consume(queues: ["q"], prefetch: 10)
            #expect(await eventually { connection.statistics.delivered == 10 })
            let first = try await consumer.next(limit: 3, until: soon)
            let second = try await consumer.next(limit: 3, until: soon)
            let rest = try await consumer.next(until: soon)
            let counts = [first.count, second.count, rest.count]
            #expect(counts == [3, 3, 4])
            // Out of order: the broker must keep the first three.
            rest.acknowledge()
            second.acknowledge()
            first.reject(requeue: true)
            let again = try await consumer.take(3)
            #expect(again.map(\.text) == ["0", "1", "2"])
            #expect(again.map(\.isRedelivered) == [true, true, true])
        }
    }

    @Test
    func `messages of one batch can meet different ends`() async throws {
        try await withBroker { connection in
            try await connection.makeQueue("dead")
            try await connection.makeQueue(
                "q", arguments: ["x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"])
            try await connection.send((0..<9).map(String.init), to: "q")
            let consumer = try await connection.consume(queues: ["q"], prefetch: 9)
            #expect(await eventually { connection.statistics.delivered == 9 })
            let batch = try await consumer.next(until: soon)
            batch.settle { index, _ in [.acknowledge, .requeue, .discard][index % 3] }
            let again = try await consumer.take(3)
            #expect(again.map(\.text) == ["1", "4", "7"])
            let dead = try await connection.consume(queues: ["dead"], prefetch: 9)
            let buried = try await dead.take(3)
            #expect(buried.map(\.text) == ["2", "5", "8"])
        }
    }

    @Test
    func `a batch that is forgotten goes back to the queue and is counted`() async throws {
        try await withBroker { connection in
            try await connection.makeQueue("q")
            try await connection.send(["x"], to: "q")
            let consumer = try await connection.consume(queues: ["q"], prefetch: 1)
            do {
                let batch = try await consumer.next(until: soon)
                let batchCount = batch.count
                #expect(batchCount == 1)
            }
            let again = try await consumer.take(1)
            #expect(again.map(\.isRedelivered) == [true])
            #expect(connection.statistics.forgottenBatches == 1)
        }
    }

    @Test
    func `an interrupt wakes the wait, also one that comes before it`() async throws {
        try await withBroker { connection in
            try await connection.makeQueue("q")
            let consumer = try await connection.consume(queues: ["q"], prefetch: 1)
            consumer.interrupt()
            consumer.interrupt()
            let first = try await consumer.next(until: soon)
            let firstCount = first.count
            #expect(firstCount == 0)
            let second = try await consumer.next(until: .now + .milliseconds(20))
            let secondCount = second.count
            #expect(secondCount == 0)
            async let third = { try await consumer.next().isEmpty }()
            try await connection.declareQueue("q", durable: false, exclusive: true, passive: true)
            consumer.interrupt()
            #expect(try await third)
        }
    }

    @Test
    func `a cancelled task stops waiting, and the consumer goes on`() async throws {
        try await withBroker { connection in
            try await connection.makeQueue("q")
            let consumer = try await connection.consume(queues: ["q"], prefetch: 1)
            let task = Task { try await consumer.next().isEmpty }
            task.cancel()
            let error = await amqpError { _ = try await task.value }
            #expect(error?.code == .cancelled)
            try await connection.send(["x"], to: "q")
            #expect(try await consumer.take(1).count == 1)
        }
    }

    @Test
    func `a cancelled consumer gives back what it has not handed out, and settles what it has`() async throws {
        try await withBroker { connection in
            try await connection.makeQueue("q")
            try await connection.send((0..<10).map(String.init), to: "q")
            let consumer = try await connection.consume(queues: ["q"], prefetch: 10)
            #expect(await eventually { connection.statistics.delivered == 10 })
            let held = try await consumer.next(limit: 2, until: soon)
            await consumer.cancel()
            let error = await amqpError { _ = try await consumer.next() }
            #expect(error?.code == .closed)
            #expect(
                try await eventually {
                    try await connection.declareQueue("q", durable: false, exclusive: true, passive: true).messages == 8
                })
            held.acknowledge()
            #expect(await eventually { connection.statistics.acknowledged == 2 })
            let other = try await connection.consume(queues: ["q"], prefetch: 10)
            #expect(try await other.take(8).map(\.text) == (2..<10).map(String.init))
        }
    }

    @Test
    func `a consumer that nobody holds any more is cancelled`() async throws {
        try await withBroker { connection in
            try await connection.makeQueue("q")
            do { _ = try await connection.consume(queues: ["q"], prefetch: 1) }
            #expect(
                try await eventually {
                    try await connection.declareQueue("q", durable: false, exclusive: true, passive: true).consumers
                        == 0
                })
        }
    }

    @Test
    func `a stream is read from its beginning, twice`() async throws {
        try await withBroker { connection in
            try await connection.declareQueue("history", arguments: ["x-queue-type": "stream"])
            try await connection.send((0..<200).map(String.init), to: "history")
            for _ in 0..<2 {
                let consumer = try await connection.consume(
                    queues: ["history"], prefetch: 50, arguments: ["x-stream-offset": "first"])
                let taken = try await consumer.take(200)
                #expect(taken.map(\.text) == (0..<200).map(String.init))
                #expect(taken.last?.properties.headers["x-stream-offset"]?.int == 199)
                await consumer.cancel()
            }
            let late = try await connection.consume(
                queues: ["history"], prefetch: 50, arguments: ["x-stream-offset": 150])
            // Rejecting would make the broker close the connection; a forgotten batch must not.
            do { _ = try await late.next(until: soon).count }
            await late.cancel()
            try await connection.deleteQueue("history")
            #expect(connection.statistics.reconnects == 0)
        }
    }

    @Test
    func `a client with a queue of its own hears what it is bound to`() async throws {
        try await withBroker { connection in
            try await connection.declareExchange("events", kind: "topic")
            let queue = AMQPQueue(name: "client.a.1", isDurable: false, isExclusive: true)
            let consumer = try await connection.consume(
                queues: ["client.a.1"], prefetch: 100,
                declaring: [
                    .queue(queue),
                    .binding(AMQPBinding(queue: "client.a.1", exchange: "events", routingKey: "session.*.available.#")),
                ])
            for key in ["session.x.available.1", "session.x.failed.1", "session.y.available.2"] {
                try await connection.publish(AMQPMessage(exchange: "events", routingKey: key, body: []))
            }
            let taken = try await consumer.take(2)
            #expect(taken.map(\.routingKey) == ["session.x.available.1", "session.y.available.2"])
        }
    }

    @Test
    func `what cannot be consumed is said at once`() async throws {
        try await withBroker { connection in
            let missing = await amqpError { _ = try await connection.consume(queues: ["nope"], prefetch: 1) }
            #expect(missing?.code == .notFound)
            #expect(missing?.message.contains("nope") == true)
            let endless = await amqpError { _ = try await connection.consume(queues: ["nope"], prefetch: 0) }
            #expect(endless?.code == .invalidArgument)
            try await connection.makeQueue("q")
            let first = try await connection.consume(queues: ["q"], prefetch: 1, exclusive: true)
            let second = await amqpError { _ = try await connection.consume(queues: ["q"], prefetch: 1) }
            #expect(second?.code == .resourceLocked)
            await first.cancel()
        }
    }

    @Test
    func `large bodies on two channels interleave without harm`() async throws {
        try await withBroker { connection in
            try await connection.makeQueue("a")
            try await connection.makeQueue("b")
            let bodies = (0..<4).map { [UInt8](repeating: UInt8($0), count: 3_000_000) }
            for (index, body) in bodies.enumerated() {
                try await connection.publish(
                    AMQPMessage(exchange: "", routingKey: index % 2 == 0 ? "a" : "b", body: body))
            }
            let first = try await connection.consume(queues: ["a"], prefetch: 10)
            let second = try await connection.consume(queues: ["b"], prefetch: 10)
            async let left = first.take(2)
            async let right = second.take(2)
            #expect(try await left.map { $0.body == bodies[0] || $0.body == bodies[2] } == [true, true])
            #expect(try await right.map { $0.body == bodies[1] || $0.body == bodies[3] } == [true, true])
        }
    }
}
