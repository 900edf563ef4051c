import Synchronization

/// What a consumer is to consume, now and after each reconnect.
struct ConsumePlan: Sendable {
    let queues: [String]
    let prefetch: UInt16
    let declarations: [AMQPDeclaration]
    let arguments: [String: AMQPValue]
    let isExclusive: Bool

    /// A stream answers a rejection by closing the whole connection, so nothing is ever rejected there.
    var isStream: Bool { arguments["x-stream-offset"] != nil }
}

/// The part of a consumer that its tasks and the thread of the connection share.
///
/// Lock order: this one, then the mailbox; the thread never takes this one while it holds the mailbox.
final class ConsumerCore: Sendable {
    enum Wake: Sendable {
        case look, interrupted, deadline, cancelled
    }

    struct State: Sendable {
        /// The channel, and the number of its opening; nil while there is none.
        var channel: UInt16?
        var generation: UInt64 = 0
        var epoch: UInt64?
        /// Deliveries not handed out; the tag of the first one.
        var buffer: [AMQPDelivery] = []
        var head = 0
        var headTag: UInt64 = 1
        var acks = AckWindow()
        /// Of a stream: where the open deliveries stand in it, and where to go on after a reconnect.
        var streamed: [(tag: UInt64, queue: String, offset: Int64)] = []
        var resumeOffsets: [String: Int64] = [:]
        var lastFlush: ContinuousClock.Instant
        var flushDue: ContinuousClock.Instant?
        var waiter: CheckedContinuation<Wake, Never>?
        var deadline: ContinuousClock.Instant?
        var isInterrupted = false
        var ended: AMQPError?

        mutating func takeWaiter() -> CheckedContinuation<Wake, Never>? {
            defer {
                waiter = nil
                deadline = nil
            }
            return waiter
        }
    }

    /// Acknowledgements wait for company this long, or until there are this many.
    static let flushInterval = Duration.milliseconds(2)
    static let flushCount = 100

    let plan: ConsumePlan
    let connection: ConnectionCore
    let state = Mutex(State(lastFlush: .now))

    init(_ plan: ConsumePlan, connection: ConnectionCore) {
        self.plan = plan
        self.connection = connection
    }

    var queues: [String] { plan.queues }
}

// MARK: For the consumer's tasks

extension ConsumerCore {
    fileprivate enum Step {
        case batch([AMQPDelivery], SettlementTicket)
        case empty
        case wait
        case over(AMQPError)
    }

    func next(limit: Int, until deadline: ContinuousClock.Instant?) async throws(AMQPError) -> AMQPDeliveryBatch {
        while true {
            switch state.withLock({ $0.step(limit: max(1, limit), deadline: deadline, owner: self) }) {
            case .batch(let messages, let ticket): return AMQPDeliveryBatch(messages: messages, ticket: ticket)
            case .empty: return AMQPDeliveryBatch(messages: [], ticket: nil)
            case .over(let error): throw error
            case .wait: break
            }
            switch await wait(until: deadline) {
            case .look: continue
            case .interrupted, .deadline: return AMQPDeliveryBatch(messages: [], ticket: nil)
            case .cancelled: throw AMQPError(.cancelled, "the task that waits for messages was cancelled")
            }
        }
    }

    private func wait(until deadline: ContinuousClock.Instant?) async -> Wake {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let wake: Wake? = state.withLock { state in
                    // Whatever came since the last look is found by looking again.
                    if Task.isCancelled { return .cancelled }
                    if state.ended != nil || state.isInterrupted || state.head < state.buffer.count { return .look }
                    if let other = state.takeWaiter() { other.resume(returning: .interrupted) }
                    state.waiter = continuation
                    state.deadline = deadline
                    return nil
                }
                if let wake {
                    continuation.resume(returning: wake)
                } else if let deadline {
                    connection.wake(by: deadline)
                }
            }
        } onCancel: {
            state.withLock { $0.takeWaiter() }?.resume(returning: .cancelled)
        }
    }

    func interrupt() {
        let waiter = state.withLock { state in
            let waiter = state.takeWaiter()
            if waiter == nil { state.isInterrupted = true }
            return waiter
        }
        waiter?.resume(returning: .interrupted)
    }

    func cancel() async {
        _ = try? await Waiter<Void>.wait { connection.post(.cancel(self, $0)) }
    }

    /// Nobody will ask for messages any more.
    func abandon() { connection.post(.cancel(self, nil)) }
}

extension ConsumerCore.State {
    fileprivate mutating func step(
        limit: Int, deadline: ContinuousClock.Instant?, owner: ConsumerCore
    ) -> ConsumerCore.Step {
        if head < buffer.count {
            let ticket = SettlementTicket(consumer: owner, generation: generation, first: headTag)
            return .batch(take(limit), ticket)
        }
        if let ended { return .over(ended) }
        if isInterrupted {
            isInterrupted = false
            return .empty
        }
        if let deadline, deadline <= .now { return .empty }
        return .wait
    }

    private mutating func take(_ limit: Int) -> [AMQPDelivery] {
        let count = min(limit, buffer.count - head)
        headTag += UInt64(count)
        if head == 0, count == buffer.count {
            defer { buffer = [] }
            return buffer
        }
        let taken = Array(buffer[head..<head + count])
        head += count
        if head == buffer.count {
            buffer = []
            head = 0
        }
        return taken
    }
}
