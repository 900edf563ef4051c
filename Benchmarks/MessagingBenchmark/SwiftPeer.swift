internal import AMQP
internal import Glibc
internal import Wire

/// The same work as that of the peers, with the AMQP module: a process of its own, like each of them.
struct SwiftPeer {
    private static let body = [UInt8](repeating: UInt8(ascii: "x"), count: 1024)
    private static let answer = [UInt8](repeating: UInt8(ascii: "y"), count: 1024)

    private var configuration: AMQPConfiguration
    private let queue: String
    private let count: Int

    /// - Parameter words: host, port, user, password, queue, count.
    init(_ words: ArraySlice<String>) throws {
        let words = Array(words)
        guard words.count == 6, let port = UInt16(words[1]), let count = Int(words[5]) else {
            throw Failure("usage: publish|consume|ask|respond HOST PORT USER PASSWORD QUEUE COUNT")
        }
        configuration = AMQPConfiguration(
            endpoints: [.init(host: words[0], port: port)], user: words[2], password: words[3])
        // Its thread is told from the driver's where a profile is taken.
        configuration.connectionName = "peer"
        queue = words[4]
        self.count = count
    }

    func run(_ work: Work) async throws {
        try await withAMQPConnection(configuration) { connection in
            switch work {
            case .publish: try await publish(over: connection)
            case .consume: try await consume(over: connection)
            case .ask: try await ask(over: connection)
            case .respond: try await respond(over: connection)
            }
        }
    }

    private func message(
        _ exchange: String, _ key: String, _ body: [UInt8], isPersistent: Bool, correlationID: String? = nil,
        replyTo: String? = nil
    ) -> AMQPMessage {
        let properties = AMQPProperties(
            contentType: "application/json", isPersistent: isPersistent, correlationID: correlationID,
            replyTo: replyTo, messageID: "a3d0c5c2-6d3e-4b6f-9a51-0d7f3f2b8c11")
        return AMQPMessage(exchange: exchange, routingKey: key, properties: properties, body: body)
    }

    /// Two batches are under way at any time, so that the window is full while one is being settled.
    private func publish(over connection: AMQPConnection) async throws {
        let batch = (0..<500).map { _ in message("", queue, Self.body, isPersistent: true) }
        let clock = Clock()
        try await withThrowingTaskGroup(of: Int.self) { group in
            var sent = 0
            var confirmed = 0
            while confirmed < count {
                while sent < count, sent - confirmed < 1000 {
                    let part = Array(batch.prefix(count - sent))
                    sent += part.count
                    group.addTask {
                        for outcome in await connection.publish(part) {
                            if let error = outcome.error { throw error }
                        }
                        return part.count
                    }
                }
                confirmed += try await group.next() ?? 0
            }
        }
        MessagingBenchmark.say(clock.result(count).text)
    }

    private func consume(over connection: AMQPConnection) async throws {
        let clock = Clock()
        let consumer = try await connection.consume(queues: [queue], prefetch: 1000)
        var got = 0
        while got < count {
            let batch = try await consumer.next(limit: count - got)
            got += batch.count
            batch.acknowledge()
        }
        MessagingBenchmark.say(clock.result(count).text)
    }

    private func ask(over connection: AMQPConnection) async throws {
        let mine = "ask-\(getpid())"
        let consumer = try await connection.consume(
            queues: [mine], prefetch: 100,
            declaring: [
                .queue(AMQPQueue(name: mine, isDurable: false, isExclusive: true)),
                .binding(AMQPBinding(queue: mine, exchange: "replies", routingKey: mine)),
            ])
        var times: [JSON] = []
        for number in 0..<count {
            let begun = ContinuousClock.now
            let question = message(
                "commands", queue, Self.body, isPersistent: true, correlationID: String(number), replyTo: mine)
            async let sent = connection.publish([question])
            let batch = try await consumer.next()
            times.append(.double((ContinuousClock.now - begun).seconds * 1e6))
            guard batch.messages.first?.properties.correlationID == String(number) else {
                throw Failure("not the right answer")
            }
            batch.acknowledge()
            if let error = await sent.first?.error { throw error }
        }
        MessagingBenchmark.say((["microseconds": .array(times)] as JSON).text)
    }

    private func respond(over connection: AMQPConnection) async throws {
        let consumer = try await connection.consume(queues: [queue], prefetch: 100)
        MessagingBenchmark.say("ready")
        while true {
            let batch = try await consumer.next()
            let answers = batch.messages.map {
                message(
                    "replies", $0.properties.replyTo ?? "", Self.answer, isPersistent: false,
                    correlationID: $0.properties.correlationID)
            }
            // The answers are on their way before this returns.
            _ = await connection.publish(answers)
            batch.acknowledge()
        }
    }
}

/// Time that passes, and processor time of this process.
private struct Clock {
    private let begun = ContinuousClock.now
    private let cpu = Clock.processorTime()

    func result(_ count: Int) -> JSON {
        [
            "count": .int(Int64(count)), "seconds": .double((ContinuousClock.now - begun).seconds),
            "cpu": .double(Self.processorTime() - cpu),
        ]
    }

    private static func processorTime() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
