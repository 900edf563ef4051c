import Synchronization

// What is due.
extension Reactor {
    /// Does what is due, and says when to come back at the latest.
    func tick(now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
        proceedClosing(now: now)
        if isFinished { return nil }
        var next: ContinuousClock.Instant?
        func consider(_ instant: ContinuousClock.Instant?) {
            if let instant { next = min(next ?? instant, instant) }
        }
        tickLink(now: now, consider)
        tickPublishes(now: now, consider)
        tickRequests(now: now, consider)
        for subscription in subscriptions { tick(subscription, now: now, consider) }
        for channel in channels.values {
            if case .held(let consumer) = channel.role { consider(consumer.tick(now: now)) }
        }
        consider(closing?.deadline)
        return next
    }

    private func tickLink(now: ContinuousClock.Instant, _ consider: (ContinuousClock.Instant?) -> Void) {
        if case .down(let until) = link, until <= now { connect(now: now) }
        if case .connecting(let dialler, let deadline) = link, deadline <= now {
            dialler.stop()
            connected(.failure(AMQPError(.timeout, "no connection to the broker in time; does its name resolve?")))
        }
        switch link {
        case .down(let until): consider(until)
        case .connecting(_, let deadline): consider(deadline)
        case .up(let live): tickHeartbeat(live, now: now, consider)
        }
    }

    private func tickHeartbeat(
        _ live: LiveLink, now: ContinuousClock.Instant, _ consider: (ContinuousClock.Instant?) -> Void
    ) {
        guard let interval = live.connection.heartbeat else { return }
        if now >= live.lastRead + interval * 2 {
            lose(
                AMQPError(
                    .connectionLost,
                    "\(live.connection.endpoint) has been silent for two heartbeats; it or the network hangs"))
            consider(now)
            return
        }
        // A broker with an alarm reads nothing, for hours if need be, and says so. One that says nothing, reads nothing,
        // and still sends, is half dead.
        if let stuckSince = live.stuckSince, !live.isBlocked {
            if now >= stuckSince + interval * 2 {
                lose(
                    AMQPError(
                        .connectionLost,
                        "\(live.connection.endpoint) has taken nothing for two heartbeats; it or the network hangs"))
                consider(now)
                return
            }
            consider(stuckSince + interval * 2)
        }
        if now >= live.lastSent + interval / 2 {
            // Only where nothing waits: what waits is a sign of life itself, once the socket takes it.
            if live.unsent == 0 { write { $0.heartbeat() } }
            live.lastSent = now
        }
        consider(live.lastSent + interval / 2)
        consider(live.lastRead + interval * 2)
    }

    private func tickPublishes(now: ContinuousClock.Instant, _ consider: (ContinuousClock.Instant?) -> Void) {
        while let batch = confirms.oldest {
            if batch.deadline > now {
                consider(batch.deadline)
                break
            }
            let error = AMQPError(
                .timeout,
                "the broker did not confirm in time; it may have the message: publish it again with the same id")
            confirms.abandon(batch, .unknown(error), into: &settled)
        }
        if let verdict = health.verdict {
            if verdict <= now { replacePublisher() } else { consider(verdict) }
        }
        consider(
            core.mailbox.withLock { box in
                box.expireWaiting(now: now, into: &settled)
                return box.waitingDeadline
            })
        handOver()
    }

    private func tickRequests(now: ContinuousClock.Instant, _ consider: (ContinuousClock.Instant?) -> Void) {
        let late = AMQPError(.timeout, "the broker did not answer in time; is it there and well?")
        queued.removeAll { pending in
            guard pending.deadline <= now else { return false }
            pending.waiter.resume(.failure(late))
            return true
        }
        for pending in queued { consider(pending.deadline) }
        for channel in channels.values {
            guard case .request(let pending) = channel.role else { continue }
            if pending.deadline <= now {
                pending.waiter.resume(.failure(late))
                close(channel)
            } else {
                consider(pending.deadline)
            }
        }
    }

    private func tick(
        _ subscription: Subscription, now: ContinuousClock.Instant, _ consider: (ContinuousClock.Instant?) -> Void
    ) {
        consider(subscription.consumer.tick(now: now))
        if let started = subscription.started {
            if subscription.startDeadline <= now {
                let error = AMQPError(.timeout, "the broker did not take up the consumer in time")
                if let channel = channel(of: subscription) { close(channel) }
                remove(subscription, error)
                started.resume(.failure(error))
                return
            }
            consider(subscription.startDeadline)
        }
        if case .waiting(let until?) = subscription.phase, live != nil {
            if until <= now { setUp(subscription) } else { consider(until) }
        }
    }
}
