import Synchronization

// The life of the connection: connecting, losing, closing.
extension Reactor {
    func takeCommands() {
        let commands = core.mailbox.withLock { box in
            defer { if !box.commands.isEmpty { box.commands = [] } }
            return box.commands
        }
        if !commands.isEmpty { mustLook = true }
        for command in commands { carryOut(command) }
    }

    private func carryOut(_ command: Command) {
        if isFinished {
            command.refuse(AMQPError(.closed, "the connection was closed"))
            return
        }
        switch command {
        case .connected(let number, let result):
            guard number == attempt, case .connecting = link else { return }
            connected(result)
        case .request(let pending): start(pending)
        case .consume(let consumer, let waiter):
            guard closing == nil else {
                waiter.resume(.failure(AMQPError(.closed, "the connection is being closed")))
                return
            }
            let subscription = Subscription(consumer, started: waiter, configuration)
            subscriptions.append(subscription)
            setUp(subscription)
        case .cancel(let consumer, let waiter): cancel(consumer, waiter)
        case .release(let consumer): release(consumer)
        case .close(let deadline, let waiter): beginClosing(deadline, waiter)
        case .abandon: beginClosing(.now + .seconds(1), nil)
        }
    }

    // MARK: Connecting

    func connect(now: ContinuousClock.Instant) {
        attempt += 1
        let number = attempt
        let dialler = Dialler()
        let login = Login(configuration: configuration, dialler: dialler)
        // Each time anew, so that the clients of a node that died spread over all that are left.
        let endpoints = configuration.endpoints.shuffled()
        let core = core
        // Each endpoint has its time; a resolver that hangs is given up a little later.
        let deadline = now + configuration.connectTimeout * configuration.endpoints.count + .seconds(5)
        link = .connecting(dialler, deadline: deadline)
        do throws(AMQPError) {
            try DetachedThread.start(name: "amqp-login") {
                let result = login.run(endpoints)
                core.post(.connected(attempt: number, result))
            }
        } catch {
            connected(.failure(error))
        }
    }

    func connected(_ result: Result<BrokerConnection, AMQPError>) {
        switch result {
        case .success(let connection):
            epoch += 1
            link = .up(LiveLink(connection, epoch: epoch))
            core.mailbox.withLock { $0.connectionIsUp(epoch: epoch, maxFrame: connection.maxFrame) }
            confirms = Confirms()
            if epoch > 1 { tally.reconnects += 1 }
            openPublisher()
            for subscription in subscriptions { setUp(subscription) }
            let waiting = queued
            queued = []
            for pending in waiting { start(pending) }
        case .failure(let error):
            if started != nil { finish(error) } else { retryLater() }
        }
    }

    private func retryLater() {
        let pause = backoff.next(random: .random(in: 0...1))
        link = .down(until: .now + pause)
        core.events.send(.reconnecting(attempt: backoff.attempt, after: pause))
    }

    // MARK: Losing

    /// The connection is gone. Everything under way is answered, and a new one is begun.
    func lose(_ error: AMQPError) {
        guard let live else { return }
        mustLook = true
        // A last word, such as the answer to the broker's close, goes out if the socket still takes it.
        lastWords(live)
        settleLost(error)
        if started != nil || closing != nil {
            finish(error)
            return
        }
        core.events.send(.lost(error))
        // One that breaks again and again soon after the login is not better for having been there.
        if ContinuousClock.now - live.since > configuration.reconnectCap { backoff.reset() }
        retryLater()
    }

    private func settleLost(_ error: AMQPError) {
        let unknown = AMQPError(
            .connectionLost, "the connection was lost before the broker confirmed: \(error.message)",
            replyCode: error.replyCode)
        for entry in core.mailbox.withLock({ $0.connectionIsLost() }) { confirms.append(entry.batch, entry.range) }
        confirms.failAll({ _, _ in unknown }, into: &settled)
        released = 0
        let ended = channels.values.map(\.role)
        channels = ChannelTable()
        link = .down(until: .now)
        for role in ended {
            switch role {
            case .request(let pending): pending.waiter.resume(.failure(unknown))
            case .held(let consumer): consumer.suspend()
            case .publisher, .subscription, .closing: break
            }
        }
        for subscription in subscriptions { suspend(subscription, unknown) }
        handOver()
    }

    private func suspend(_ subscription: Subscription, _ error: AMQPError) {
        subscription.collected = []
        // One not yet taken up the first time may still be, on the next connection, before its deadline.
        if subscription.isCancelled {
            remove(subscription, AMQPError(.closed, "the consumer was cancelled"))
            subscription.started?.resume(.failure(error))
            return
        }
        subscription.consumer.suspend()
        subscription.recoveryDeadline = nil
        subscription.backoff.reset()
        subscription.phase = .waiting(until: nil)
    }

    // MARK: Closing

    private func beginClosing(_ deadline: ContinuousClock.Instant, _ waiter: Waiter<Void>?) {
        if closing != nil {
            if let waiter { closing?.waiters.append(waiter) }
            return
        }
        closing = Closing(deadline: deadline, waiters: waiter.map { [$0] } ?? [])
        guard started == nil else {
            finish(AMQPError(.cancelled, "connecting was given up"))
            return
        }
        guard live != nil else {
            finish(AMQPError(.closed, "the connection was closed while there was none to the broker"))
            return
        }
        core.mailbox.withLock { $0.beginClosing() }
        for subscription in subscriptions { cancel(subscription.consumer, nil) }
    }

    /// Takes leave when everything is done.
    func proceedClosing(now: ContinuousClock.Instant) {
        guard let closing else { return }
        if now >= closing.deadline {
            if let live { lastWords(live) }
            finish(AMQPError(.closed, "the connection was closed before everything was done"))
            return
        }
        guard !closing.hasTakenLeave, subscriptions.isEmpty, confirms.openCount == 0,
            !core.mailbox.withLock({ $0.hasWaiting || !$0.admitted.isEmpty })
        else { return }
        self.closing?.hasTakenLeave = true
        for channel in channels.values {
            if case .held(let consumer) = channel.role { _ = consumer.tick(now: now, flushAll: true) }
        }
        write { writer throws(AMQPError) in try writer.closeConnection() }
    }

    /// The end, for ever.
    func finish(_ error: AMQPError) {
        guard !isFinished else { return }
        isFinished = true
        if case .connecting(let dialler, _) = link { dialler.stop() }
        settleLost(error)
        let left = core.mailbox.withLock { box in
            box.close(error, into: &settled)
            defer { box.commands = [] }
            return box.commands
        }
        for subscription in subscriptions {
            remove(subscription, error)
            subscription.started?.resume(.failure(error))
        }
        for pending in queued { pending.waiter.resume(.failure(error)) }
        queued = []
        for command in left { command.refuse(error) }
        handOver()
        core.events.send(.closed)
        core.events.finish()
        started?.resume(.failure(error))
        started = nil
        for waiter in closing?.waiters ?? [] { waiter.resume(.success(())) }
        closing = nil
    }
}
