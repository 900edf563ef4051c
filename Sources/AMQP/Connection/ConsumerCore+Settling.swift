import Synchronization

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
    func settle(
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
    func send(
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
    mutating func flush(now: ContinuousClock.Instant) -> [AckWindow.Frame] {
        lastFlush = now
        flushDue = nil
        defer { if !streamed.isEmpty { forgetOffsets() } }
        return acks.flush()
    }

    mutating func noteOffsets(of messages: [AMQPDelivery]) {
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
