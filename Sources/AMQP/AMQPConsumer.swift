/// A subscription to one or several queues, on a channel of its own.
///
/// It survives the loss of the connection: declarations are replayed, and the queues are consumed again. Deliveries
/// arrive in arrays, up to the prefetch count; what is not settled holds back further ones.
public final class AMQPConsumer: Sendable {
    let core: ConsumerCore
    // The connection ends with its last user.
    private let connection: AMQPConnection

    init(core: ConsumerCore, connection: AMQPConnection) {
        self.core = core
        self.connection = connection
    }

    deinit { core.abandon() }

    /// The queues that it consumes.
    public var queues: [String] { core.queues }

    /// Waits for messages and takes all that are there, at most `limit`.
    ///
    /// The batch is empty when `deadline` passes or `interrupt` is called. Throws only when it is over for good:
    /// `.closed` after `cancel` or `close`, `.notFound` and the like when a queue is gone and did not come back,
    /// `.cancelled` in a cancelled task (the consumer itself goes on). One task at a time may wait.
    public func next(
        limit: Int = 500, until deadline: ContinuousClock.Instant? = nil
    ) async throws(AMQPError) -> AMQPDeliveryBatch {
        try await core.next(limit: limit, until: deadline)
    }

    /// Wakes `next` with an empty batch. When nobody waits, the next call returns at once; once, however often called.
    public func interrupt() { core.interrupt() }

    /// Asks the broker for no more messages and gives back those that `next` has not handed out; batches already
    /// handed out can still be settled. Afterwards `next` throws `.closed`.
    public func cancel() async { await core.cancel() }
}
