/// What a caller, or the connecting thread, asks of the thread of the connection.
enum Command: Sendable {
    /// The end of the try with this number.
    case connected(attempt: Int, Result<BrokerConnection, AMQPError>)
    case request(PendingRequest)
    case consume(ConsumerCore, Waiter<Void>)
    /// Nobody may wait for it.
    case cancel(ConsumerCore, Waiter<Void>?)
    /// A message taken by `get` is settled: its channel can go.
    case release(ConsumerCore)
    case close(deadline: ContinuousClock.Instant, Waiter<Void>)
    /// The connection object is gone, or its first connection is no longer wanted.
    case abandon
}

/// Somebody who waits for one answer, and gets it exactly once.
final class Waiter<Value: Sendable>: Sendable {
    private let continuation: OneShot<CheckedContinuation<Result<Value, AMQPError>, Never>>

    init(_ continuation: CheckedContinuation<Result<Value, AMQPError>, Never>) {
        self.continuation = OneShot(continuation)
    }

    /// Answers; later answers are ignored.
    func resume(_ result: Result<Value, AMQPError>) { continuation.take()?.resume(returning: result) }

    /// Suspends until somebody answers the waiter that `body` is given.
    static func wait(_ body: (Waiter) -> Void) async throws(AMQPError) -> Value {
        let result = await withCheckedContinuation { body(Waiter($0)) }
        return try result.get()
    }
}

/// An administrative question with who waits for its answer.
struct PendingRequest: Sendable {
    let request: AMQPRequest
    let deadline: ContinuousClock.Instant
    let waiter: Waiter<AMQPReply>
}
