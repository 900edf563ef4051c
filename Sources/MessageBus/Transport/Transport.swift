public import AMQP

/// What carries messages: RabbitMQ, or a broker in memory for tests. Both pass one contract suite.
public protocol Transport: Sendable {
    /// The user that RabbitMQ checks messages of this transport against.
    var user: String { get }

    /// Publishes in order; returns when the broker has said of each message what became of it, or is lost.
    func publish(_ batch: [AMQPMessage]) async -> [PublishOutcome]

    /// Takes up the messages of some queues, with at most `prefetch` of them unsettled.
    func subscribe(to queues: [String], prefetch: UInt16) async throws -> any Subscription

    /// Ends it cleanly: what is published gets its confirm first.
    func close() async
}

/// Deliveries from some queues.
public protocol Subscription: Sendable {
    /// All deliveries that wait, up to a limit. The batch is empty when the deadline passed or after `interrupt()`.
    /// Throws when nothing will ever come again.
    func next(until deadline: ContinuousClock.Instant?) async throws -> DeliveryBatch

    /// Wakes `next`, or the next call of it.
    func interrupt()

    /// Takes no new deliveries. Those that nobody took go back to their queues.
    func cancel() async
}

/// Deliveries that must be settled: a batch that is dropped goes back to its queues.
public struct DeliveryBatch: ~Copyable, Sendable {
    /// The messages in the order in which they came.
    public let messages: [AMQPDelivery]
    private let settle: @Sendable (Settlement) -> Void
    private var isSettled = false

    /// What becomes of the messages of a batch.
    public enum Settlement: Sendable {
        case acknowledged
        case requeued
    }

    /// - Parameter settle: called exactly once.
    public init(_ messages: [AMQPDelivery], settle: @escaping @Sendable (Settlement) -> Void) {
        self.messages = messages
        self.settle = settle
    }

    /// Tells the broker that all of them are done with.
    public consuming func acknowledge() {
        isSettled = true
        settle(.acknowledged)
    }

    deinit {
        if !isSettled { settle(.requeued) }
    }
}
