import Synchronization

// For the thread of the connection: channels come and go, deliveries arrive.
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
    mutating func reset() {
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
