import Synchronization

/// One call of `publish`: its messages, and who waits for what becomes of them.
///
/// Every message is settled exactly once, by whoever removes it from where it is tracked; the last one resumes the
/// caller.
final class PublishBatch: Sendable {
    let messages: [AMQPMessage]
    /// When the caller is told whatever is known by then.
    let deadline: ContinuousClock.Instant

    private struct State {
        var open: Int
        // Confirmed is the rule; only what differs is kept.
        var exceptions: [(index: Int, outcome: PublishOutcome)] = []
        var waiter: CheckedContinuation<[PublishOutcome], Never>?
    }

    private let state: Mutex<State>

    init(
        _ messages: [AMQPMessage], deadline: ContinuousClock.Instant,
        waiter: CheckedContinuation<[PublishOutcome], Never>
    ) {
        self.messages = messages
        self.deadline = deadline
        state = Mutex(State(open: messages.count, waiter: waiter))
    }

    func settle(_ range: Range<Int>, _ outcome: PublishOutcome) {
        let finished = state.withLock { state in
            if !outcome.isConfirmed { for index in range { state.exceptions.append((index, outcome)) } }
            state.open -= range.count
            guard state.open == 0, let waiter = state.waiter else {
                return nil as (CheckedContinuation<[PublishOutcome], Never>, [(index: Int, outcome: PublishOutcome)])?
            }
            state.waiter = nil
            return (waiter, state.exceptions)
        }
        guard let (waiter, exceptions) = finished else { return }
        var outcomes = [PublishOutcome](repeating: .confirmed, count: messages.count)
        for (index, outcome) in exceptions { outcomes[index] = outcome }
        waiter.resume(returning: outcomes)
    }
}

typealias Confirms = ConfirmWindow<PublishBatch>
