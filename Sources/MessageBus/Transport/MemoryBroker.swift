public import AMQP
internal import Synchronization

/// A broker in memory, for tests: direct, topic, fanout and headers exchanges, queues, mandatory returns, redelivery with
/// its count, dead-lettering when a test says that the time is over.
public final class MemoryBroker: Sendable {
    private struct Exchange {
        var kind: String
        var bindings: [(key: String, headers: [String: AMQPValue], queue: String)] = []
    }

    private struct Contents {
        var exchanges: [String: Exchange] = [:]
        var queues: [String: [AMQPDelivery]] = [:]
        var deadLetters: [String: String] = [:]
        var consumers: [MemorySubscription] = []
    }

    private let contents = Mutex(Contents())

    public init() {}

    /// Makes an exchange of kind `direct`, `topic`, `fanout` or `headers`.
    public func declareExchange(_ name: String, kind: String) {
        contents.withLock { $0.exchanges[name, default: Exchange(kind: kind)].kind = kind }
    }

    /// Makes a queue and binds it.
    public func declareQueue(_ name: String, bindings: [(exchange: String, key: String)] = []) {
        contents.withLock { contents in
            if contents.queues[name] == nil { contents.queues[name] = [] }
            for binding in bindings {
                contents.exchanges[binding.exchange]?.bindings.append((binding.key, [:], name))
            }
        }
    }

    /// Makes a queue in which messages wait that carry all of these headers, until `expire`.
    /// - Parameter exchange: where they go then, under the key that they came with.
    public func declareWaitingQueue(
        _ name: String, of source: String, headers: [String: AMQPValue], deadLettersTo exchange: String
    ) {
        contents.withLock { contents in
            if contents.queues[name] == nil { contents.queues[name] = [] }
            contents.exchanges[source]?.bindings.append(("", headers, name))
            contents.deadLetters[name] = exchange
        }
    }

    /// Dead-letters everything that waits in a queue, as RabbitMQ does when the time is over.
    public func expire(_ queue: String) {
        contents.withLock { contents in
            guard let exchange = contents.deadLetters[queue] else { return }
            let messages = contents.queues[queue] ?? []
            contents.queues[queue] = []
            for message in messages {
                var properties = message.properties
                properties.headers["x-delivery-count"] = nil
                Self.route(&contents, exchange, message.routingKey, properties, message.body)
            }
        }
        deliver()
    }

    /// Removes the messages that rest in a queue and gives them.
    public func takeAll(from queue: String) -> [AMQPDelivery] {
        contents.withLock { contents in
            defer { contents.queues[queue] = [] }
            return contents.queues[queue] ?? []
        }
    }

    /// The messages that rest in a queue.
    public func messages(in queue: String) -> [AMQPDelivery] {
        contents.withLock { $0.queues[queue] ?? [] }
    }

    /// A transport for a user. As RabbitMQ does, it refuses a `user_id` that is another's.
    public func transport(user: String) -> MemoryTransport { MemoryTransport(broker: self, user: user) }

    func publish(_ message: AMQPMessage, by user: String) -> PublishOutcome {
        if let named = message.properties.userID, named != user {
            return .unsent(AMQPError(.preconditionFailed, "user_id \(named) is not the connection's user \(user)"))
        }
        let outcome: PublishOutcome = contents.withLock { contents in
            guard let exchange = contents.exchanges[message.exchange] else {
                return .unsent(AMQPError(.notFound, "there is no exchange \(message.exchange)"))
            }
            let queues = Self.queues(exchange, message.routingKey, message.properties.headers)
            if queues.isEmpty, message.isMandatory { return .returned(code: 312, text: "NO_ROUTE") }
            Self.route(&contents, message.exchange, message.routingKey, message.properties, message.body)
            return .confirmed
        }
        deliver()
        return outcome
    }

    func attach(_ subscription: MemorySubscription) throws {
        try contents.withLock { contents in
            if let missing = subscription.queues.first(where: { contents.queues[$0] == nil }) {
                throw AMQPError(.notFound, "there is no queue \(missing)")
            }
            contents.consumers.append(subscription)
        }
        deliver()
    }

    func detach(_ subscription: MemorySubscription) {
        contents.withLock { $0.consumers.removeAll { $0 === subscription } }
    }

    func requeue(_ deliveries: [AMQPDelivery]) {
        contents.withLock { contents in
            for delivery in deliveries.reversed() {
                var properties = delivery.properties
                // As a quorum queue counts them.
                properties.headers["x-delivery-count"] = .int((delivery.number("x-delivery-count") ?? 0) + 1)
                contents.queues[delivery.queue]?.insert(
                    AMQPDelivery(
                        queue: delivery.queue, exchange: delivery.exchange, routingKey: delivery.routingKey,
                        isRedelivered: true, properties: properties, body: delivery.body), at: 0)
            }
        }
        deliver()
    }

    /// Hands waiting messages to consumers that have room for them.
    func deliver() {
        contents.withLock { contents in
            for consumer in contents.consumers {
                for queue in consumer.queues {
                    while let first = contents.queues[queue]?.first, consumer.accept(first) {
                        contents.queues[queue]?.removeFirst()
                    }
                }
            }
        }
    }

    private static func route(
        _ contents: inout Contents, _ exchange: String, _ key: String, _ properties: AMQPProperties, _ body: [UInt8]
    ) {
        guard let source = contents.exchanges[exchange] else { return }
        for queue in queues(source, key, properties.headers) {
            contents.queues[queue]?.append(
                AMQPDelivery(
                    queue: queue, exchange: exchange, routingKey: key, isRedelivered: false, properties: properties,
                    body: body))
        }
    }

    private static func queues(_ exchange: Exchange, _ key: String, _ headers: [String: AMQPValue]) -> Set<String> {
        let fitting = exchange.bindings.filter { binding in
            switch exchange.kind {
            case "fanout": true
            case "topic": topicMatches(binding.key, key)
            case "headers": binding.headers.allSatisfy { headers[$0.key] == $0.value }
            default: binding.key == key
            }
        }
        return Set(fitting.map(\.queue))
    }
}

/// Whether a routing key fits a binding key of a topic exchange: `*` is one word, `#` any number of them.
public func topicMatches(_ pattern: String, _ key: String) -> Bool {
    func matches(_ pattern: ArraySlice<Substring>, _ words: ArraySlice<Substring>) -> Bool {
        guard let first = pattern.first else { return words.isEmpty }
        switch first {
        case "#":
            return (words.startIndex...words.endIndex).contains { matches(pattern.dropFirst(), words[$0...]) }
        case "*":
            return !words.isEmpty && matches(pattern.dropFirst(), words.dropFirst())
        default:
            return words.first == first && matches(pattern.dropFirst(), words.dropFirst())
        }
    }
    let split = { (text: String) in text.split(separator: ".", omittingEmptySubsequences: false)[...] }
    return matches(split(pattern), key.isEmpty ? [] : split(key))
}

/// A connection to a broker in memory.
public final class MemoryTransport: Transport {
    public let user: String
    private let broker: MemoryBroker

    init(broker: MemoryBroker, user: String) {
        self.broker = broker
        self.user = user
    }

    public func publish(_ batch: [AMQPMessage]) async -> [PublishOutcome] {
        batch.map { broker.publish($0, by: user) }
    }

    public func subscribe(to queues: [String], prefetch: UInt16) async throws -> any Subscription {
        let subscription = MemorySubscription(broker: broker, queues: queues, prefetch: Int(prefetch))
        try broker.attach(subscription)
        return subscription
    }

    public func close() async {}
}

final class MemorySubscription: Subscription {
    private struct Contents {
        var waiting: [AMQPDelivery] = []
        var unsettled = 0
        var isInterrupted = false
        var isCancelled = false
        var sleeper: CheckedContinuation<Void, Never>?
        /// Which call of `next` sleeps, so that an old deadline does not wake a later call.
        var call = 0
    }

    let queues: [String]
    private let broker: MemoryBroker
    private let prefetch: Int
    private let contents = Mutex(Contents())

    init(broker: MemoryBroker, queues: [String], prefetch: Int) {
        self.broker = broker
        self.queues = queues
        self.prefetch = prefetch
    }

    func accept(_ delivery: AMQPDelivery) -> Bool {
        let (isTaken, sleeper) = contents.withLock { contents -> (Bool, CheckedContinuation<Void, Never>?) in
            guard !contents.isCancelled, contents.unsettled < prefetch else { return (false, nil) }
            contents.unsettled += 1
            contents.waiting.append(delivery)
            return (true, contents.sleeper.take())
        }
        sleeper?.resume()
        return isTaken
    }

    func next(until deadline: ContinuousClock.Instant?) async throws -> DeliveryBatch {
        let call = contents.withLock { contents in
            contents.call += 1
            return contents.call
        }
        let alarm = deadline.map { deadline in
            Task {
                try? await Task.sleep(until: deadline, clock: .continuous)
                self.wake { $0.call == call }
            }
        }
        defer { alarm?.cancel() }
        await withCheckedContinuation { continuation in
            let runsOn = contents.withLock { contents in
                let isDue = deadline.map { $0 <= .now } ?? false
                if !contents.waiting.isEmpty || contents.isInterrupted || contents.isCancelled || isDue { return true }
                contents.sleeper = continuation
                return false
            }
            if runsOn { continuation.resume() }
        }
        let taken: [AMQPDelivery] = try contents.withLock { contents in
            contents.isInterrupted = false
            defer { contents.waiting = [] }
            if contents.waiting.isEmpty, contents.isCancelled {
                throw AMQPError(.closed, "the subscription was cancelled")
            }
            return contents.waiting
        }
        return DeliveryBatch(taken) { settlement in
            self.contents.withLock { $0.unsettled -= taken.count }
            switch settlement {
            case .acknowledged: self.broker.deliver()
            case .requeued: self.broker.requeue(taken)
            }
        }
    }

    func interrupt() {
        wake { contents in
            contents.isInterrupted = true
            return true
        }
    }

    func cancel() async {
        broker.detach(self)
        let unstarted = contents.withLock { contents in
            contents.isCancelled = true
            defer { contents.waiting = [] }
            return contents.waiting
        }
        wake { _ in true }
        broker.requeue(unstarted)
    }

    private func wake(if condition: (inout Contents) -> Bool) {
        contents.withLock { contents in condition(&contents) ? contents.sleeper.take() : nil }?.resume()
    }
}
