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

// MARK: Settling

/// Where the messages of a batch came from, and their tags: consecutive ones from `first`.
struct SettlementTicket: Sendable {
    let consumer: ConsumerCore
    let generation: UInt64
    let first: UInt64

    func forget(count: Int) {
        consumer.connection.count { $0.forgottenBatches += 1 }
        settleAll(count: count, as: .requeue)
    }

    func settleAll(count: Int, as settlement: AMQPSettlement) {
        consumer.settle(generation, first, count) { _ in settlement }
    }

    func settle(_ settlements: [AMQPSettlement]) {
        consumer.settle(generation, first, settlements.count) { settlements[$0] }
    }
}

extension ConsumerCore {
    fileprivate func settle(
        _ generation: UInt64, _ first: UInt64, _ count: Int, _ rule: (Int) -> AMQPSettlement
    ) {
        enum After { case nothing, ring, wait(ContinuousClock.Instant) }
        var acknowledged = 0
        var rejected = 0
        var isDrained = false
        let after: After? = state.withLock { state in
            guard state.generation == generation, let channel = state.channel, let epoch = state.epoch else {
                return nil
            }
            var rejections: [(tag: UInt64, requeue: Bool)] = []
            for index in 0..<count {
                let tag = first + UInt64(index)
                let settlement = rule(index)
                if settlement == .acknowledge || plan.isStream {
                    if state.acks.acknowledge(tag) { acknowledged += 1 }
                } else if state.acks.reject(tag) {
                    rejections.append((tag, settlement == .requeue))
                }
            }
            rejected = rejections.count
            isDrained = state.ended != nil && state.acks.open == 0
            let now = ContinuousClock.now
            if rejections.isEmpty, !isDrained, state.acks.pending < Self.flushCount {
                let due = state.lastFlush + Self.flushInterval
                if now < due {
                    if state.flushDue == nil { state.flushDue = due }
                    return .wait(due)
                }
            }
            return send(state.flush(now: now), rejections, channel, epoch) ? .ring : .nothing
        }
        guard let after else {
            connection.count { $0.staleAcknowledgements += UInt64(count) }
            return
        }
        connection.count {
            $0.acknowledged += UInt64(acknowledged)
            $0.rejected += UInt64(rejected)
        }
        switch after {
        case .nothing: break
        case .ring: connection.ring()
        case .wait(let due): connection.wake(by: due)
        }
        if isDrained { connection.post(.release(self)) }
    }

    /// Appends the frames while this consumer's lock is held, so that they keep their order. Whether to ring.
    private func send(
        _ frames: [AckWindow.Frame], _ rejections: [(tag: UInt64, requeue: Bool)], _ channel: UInt16, _ epoch: UInt64
    ) -> Bool {
        guard !frames.isEmpty || !rejections.isEmpty else { return false }
        return connection.mailbox.withLock { box in
            // The connection may be lost already; its thread will come for this consumer's lock.
            guard box.epoch == epoch else { return false }
            // Rejections first: an acknowledgement with `multiple` may reach over them. These frames have no text, so
            // nothing can be too long.
            for (tag, requeue) in rejections { try? box.out.reject(tag, requeue: requeue, channel: channel) }
            for frame in frames {
                try? box.out.acknowledge(frame.tag, multiple: frame.isMultiple, channel: channel)
            }
            return box.claimWake()
        }
    }
}

extension ConsumerCore.State {
    fileprivate mutating func flush(now: ContinuousClock.Instant) -> [AckWindow.Frame] {
        lastFlush = now
        flushDue = nil
        defer { if !streamed.isEmpty { forgetOffsets() } }
        return acks.flush()
    }

    fileprivate mutating func noteOffsets(of messages: [AMQPDelivery]) {
        for (index, message) in messages.enumerated() {
            guard let offset = message.properties.headers["x-stream-offset"]?.int else { continue }
            streamed.append((acks.nextTag + UInt64(index), message.queue, offset))
        }
    }

    /// What lies before the first open delivery will not be asked for again.
    private mutating func forgetOffsets() {
        let settled = streamed.prefix { $0.tag < acks.firstTag }
        for entry in settled { resumeOffsets[entry.queue] = entry.offset + 1 }
        streamed.removeFirst(settled.count)
    }
}

// MARK: For the thread of the connection

extension ConsumerCore {
    /// A new channel: tags begin at 1 again, and what the old one delivered is the broker's again.
    /// Where in its streams to go on, if it has read some.
    func begin(channel: UInt16, epoch: UInt64) -> [String: Int64] {
        state.withLock { state in
            state.reset()
            state.channel = channel
            state.epoch = epoch
            return state.resumeOffsets
        }
    }

    /// The channel is gone.
    func suspend() { state.withLock { $0.reset() } }

    /// It is over for good; deliveries that nobody has taken are dropped, the broker gives them to others.
    func end(_ error: AMQPError, keepsChannel: Bool = false) {
        let waiter = state.withLock { state in
            if !keepsChannel { state.reset() }
            if state.ended == nil { state.ended = error }
            return state.takeWaiter()
        }
        waiter?.resume(returning: .look)
    }

    /// Deliveries in the order of their tags.
    func deliver(_ messages: [AMQPDelivery]) {
        let waiter = state.withLock { state -> CheckedContinuation<Wake, Never>? in
            if plan.isStream { state.noteOffsets(of: messages) }
            state.acks.deliver(count: messages.count)
            if state.ended != nil { return nil }
            if state.buffer.isEmpty { state.buffer = messages } else { state.buffer.append(contentsOf: messages) }
            return state.takeWaiter()
        }
        waiter?.resume(returning: .look)
    }

    /// One message taken by `get`: nothing follows it, and its channel ends when it is settled.
    func hold(channel: UInt16, epoch: UInt64) -> SettlementTicket {
        state.withLock { state in
            state.channel = channel
            state.epoch = epoch
            state.acks.deliver(count: 1)
            state.ended = AMQPError(.closed, "a single message was taken")
            return SettlementTicket(consumer: self, generation: state.generation, first: 1)
        }
    }

    /// Takes back what was not handed out, to be given to the broker again: the tags.
    func takeUndelivered() -> [UInt64] {
        state.withLock { state in
            let tags = (0..<state.buffer.count - state.head).map { state.headTag + UInt64($0) }
            state.buffer = []
            state.head = 0
            state.headTag += UInt64(tags.count)
            return tags.filter { state.acks.reject($0) }
        }
    }

    /// Delivered and not settled.
    var openCount: Int { state.withLock { $0.acks.open } }

    /// Sends acknowledgements whose time has come and answers a wait whose deadline has passed; when to look again.
    func tick(now: ContinuousClock.Instant, flushAll: Bool = false) -> ContinuousClock.Instant? {
        let (waiter, next) = state.withLock { state in
            if let due = state.flushDue, due <= now || flushAll, let channel = state.channel, let epoch = state.epoch {
                _ = send(state.flush(now: now), [], channel, epoch)
            }
            var expired: CheckedContinuation<Wake, Never>?
            if let deadline = state.deadline, deadline <= now { expired = state.takeWaiter() }
            return (expired, [state.flushDue, state.deadline].compactMap { $0 }.min())
        }
        waiter?.resume(returning: .deadline)
        return next
    }
}

extension ConsumerCore.State {
    fileprivate mutating func reset() {
        generation += 1
        channel = nil
        epoch = nil
        buffer = []
        head = 0
        headTag = 1
        acks = AckWindow()
        streamed = []
        flushDue = nil
    }
}
