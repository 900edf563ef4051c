import Synchronization

// Opening, answering and closing channels.
extension Reactor {
    /// A number that no channel has; nil when there is none.
    private func freeNumber() -> UInt16? {
        guard let live else { return nil }
        return (1...max(1, live.connection.maxChannel)).first { channels[$0] == nil }
    }

    // MARK: Publishing

    func openPublisher() {
        guard let number = freeNumber() else {
            lose(AMQPError(.channelClosed, "no channel is left to publish on; close some consumers"))
            return
        }
        channels[number] = Channel(number, .publisher, awaiting: [.channelOpenOK, .confirmSelectOK])
        health.opened()
        write { writer throws(AMQPError) in
            try writer.openChannel(number)
            try writer.selectConfirms(channel: number)
        }
    }

    func publisherIsOpen(on channel: Channel) {
        core.mailbox.withLock { $0.openGate(channel: channel.number) }
        guard let live else { return }
        core.events.send(.connected(endpoint: live.connection.endpoint))
        started?.resume(.success(()))
        started = nil
    }

    /// The publishing channel was closed because of one message; which of the others were taken is not known.
    private func publisherEnded(code: UInt16, text: String) {
        let error = AMQPError(replyCode: code, text: text)
        let others = AMQPError(
            .channelClosed, "the channel was closed because of another message (\(text)); publish this one again",
            replyCode: code)
        var isKnown = false
        confirms.forEachOpen { batch, index in
            if batch.messages[index].isBlamed(by: text) { isKnown = true }
        }
        confirms.failAll(
            { batch, index in !isKnown || batch.messages[index].isBlamed(by: text) ? error : others }, into: &settled)
        released = 0
        openPublisher()
    }

    /// Gives up a publishing channel that gets no confirms, for a fresh one.
    func replacePublisher() {
        let publisher = channels.values.first {
            if case .publisher = $0.role { $0.awaited.isEmpty } else { false }
        }
        guard let publisher else { return }
        // A channel in this state may never answer, so the next one takes another number.
        close(publisher)
        let error = AMQPError(
            .channelClosed,
            "RabbitMQ took no message in time, its disk or memory may be full: try again (a publisher with the same id)"
        )
        confirms.failAll({ _, _ in error }, into: &settled)
        released = 0
        health.replaced()
        core.events.send(.publisherReplaced)
        openPublisher()
        handOver()
    }

    // MARK: Questions

    func start(_ pending: PendingRequest) {
        guard live != nil else {
            queued.append(pending)
            return
        }
        guard let number = freeNumber() else {
            pending.waiter.resume(
                .failure(AMQPError(.channelClosed, "all channels of the connection are in use; settle or close some")))
            return
        }
        channels[number] = Channel(number, .request(pending), awaiting: [.channelOpenOK, pending.request.answer])
        write { writer throws(AMQPError) in
            try writer.openChannel(number)
            try writer.request(pending.request, channel: number)
        }
    }

    func answer(_ pending: PendingRequest, _ reply: AMQPReply, on channel: Channel) {
        close(channel)
        pending.waiter.resume(.success(reply))
    }

    func close(_ channel: Channel) {
        guard !channel.isClosing else { return }
        quiesce(channel)
        channel.role = .closing
        write { writer throws(AMQPError) in try writer.closeChannel(channel.number) }
    }

    /// Sees to it that callers frame nothing more for a channel, before the frame that ends it: what came behind that
    /// would end the whole connection.
    func quiesce(_ channel: Channel) {
        switch channel.role {
        case .publisher:
            for entry in core.mailbox.withLock({ $0.shutGate() }) { confirms.append(entry.batch, entry.range) }
        case .subscription(let subscription): subscription.consumer.suspend()
        case .held(let consumer): consumer.suspend()
        case .request, .closing: break
        }
    }

    // MARK: Ends

    /// The broker closed a channel; its number is free again.
    func ended(_ channel: Channel, code: UInt16, text: String) {
        channels[channel.number] = nil
        let error = AMQPError(replyCode: code, text: text)
        switch channel.role {
        case .publisher: publisherEnded(code: code, text: text)
        case .request(let pending): pending.waiter.resume(.failure(error))
        case .subscription(let subscription): failed(subscription, error)
        case .held, .closing: break
        }
    }

    /// A message taken by `get`, or by a cancelled consumer, is settled.
    func release(_ consumer: ConsumerCore) {
        for channel in channels.values {
            if case .held(let held) = channel.role, held === consumer { close(channel) }
        }
    }
}

// MARK: Consumers

extension Reactor {
    func setUp(_ subscription: Subscription) {
        guard let live else { return }
        guard let number = freeNumber() else {
            failed(subscription, AMQPError(.channelClosed, "all channels of the connection are in use; close some"))
            return
        }
        let consumer = subscription.consumer
        // What was framed for an older channel of this number lies before this in the mailbox.
        let offsets = consumer.begin(channel: number, epoch: live.epoch)
        var answers: [MethodID] = []
        write { writer throws(AMQPError) in
            answers = try writer.setUp(consumer.plan, resumingAt: offsets, channel: number)
        }
        channels[number] = Channel(number, .subscription(subscription), awaiting: answers)
        subscription.phase = .settingUp
    }

    /// All answers are there: every queue is consumed, or every consumer cancelled.
    func stands(_ subscription: Subscription, on channel: Channel) {
        if case .cancelling = subscription.phase {
            cancelled(subscription, on: channel)
            return
        }
        subscription.phase = .live
        subscription.backoff.reset()
        subscription.recoveryDeadline = nil
        if subscription.wasLive { core.events.send(.consumerRecovered(queues: subscription.consumer.queues)) }
        subscription.wasLive = true
        subscription.started?.resume(.success(()))
        subscription.started = nil
        if subscription.isCancelled { beginCancel(subscription) }
    }

    /// The channel of a consumer is gone, or could not be set up.
    func failed(_ subscription: Subscription, _ error: AMQPError) {
        subscription.collected = []
        if let started = subscription.started {
            remove(subscription, error)
            started.resume(.failure(error))
            return
        }
        if subscription.isCancelled {
            remove(subscription, AMQPError(.closed, "the consumer was cancelled"))
            return
        }
        core.events.send(.consumerLost(queues: subscription.consumer.queues, error))
        let now = ContinuousClock.now
        let deadline = subscription.recoveryDeadline ?? now + configuration.consumerRecoveryTimeout
        // A live consumer whose channel ended deserves a new one; while setting up, some refusals are final.
        var isFinal = now >= deadline
        if case .settingUp = subscription.phase, [.accessRefused, .preconditionFailed].contains(error.code) {
            isFinal = true
        }
        if isFinal {
            remove(subscription, error)
            return
        }
        subscription.recoveryDeadline = deadline
        subscription.consumer.suspend()
        let pause = subscription.backoff.next(random: .random(in: 0...1))
        subscription.phase = .waiting(until: min(now + pause, deadline))
    }

    /// The broker ended one of the consumers, since its queue went away: all are taken up anew on a fresh channel.
    func brokerCancelled(_ subscription: Subscription, _ index: Int?, on channel: Channel) {
        let queues = subscription.consumer.queues
        let queue = index.flatMap { queues.indices.contains($0) ? queues[$0] : nil } ?? queues.joined(separator: ", ")
        core.events.send(.consumerCancelled(queue: queue))
        // Deliveries that came before belong to a channel that is closed now.
        close(channel)
        failed(
            subscription,
            AMQPError(.notFound, "the queue \(queue) was deleted or moved while it was consumed: declare it again"))
    }

    func cancel(_ consumer: ConsumerCore, _ waiter: Waiter<Void>?) {
        guard let subscription = subscriptions.first(where: { $0.consumer === consumer }) else {
            waiter?.resume(.success(()))
            return
        }
        if let waiter { subscription.cancelWaiters.append(waiter) }
        guard !subscription.isCancelled else { return }
        subscription.isCancelled = true
        switch subscription.phase {
        case .waiting: remove(subscription, AMQPError(.closed, "the consumer was cancelled"))
        case .live: beginCancel(subscription)
        case .settingUp, .cancelling: break
        }
    }

    private func beginCancel(_ subscription: Subscription) {
        guard let channel = channel(of: subscription) else { return }
        let queues = subscription.consumer.queues
        subscription.phase = .cancelling(queues.count)
        channel.awaited = queues.map { _ in MethodID.basicCancelOK }[...]
        write { writer throws(AMQPError) in
            for (index, queue) in queues.enumerated() {
                try writer.cancelConsumer(tag: ConsumerTag.make(index, queue: queue), channel: channel.number)
            }
        }
    }

    /// No more deliveries come. What nobody has taken goes back; what was handed out may still be settled.
    private func cancelled(_ subscription: Subscription, on channel: Channel) {
        handOver()
        let consumer = subscription.consumer
        channel.role = .held(consumer)
        // Before anybody who waits for the end goes on, and could still take them.
        let tags = consumer.takeUndelivered()
        remove(subscription, AMQPError(.closed, "the consumer was cancelled"), keepsChannel: true)
        if !consumer.plan.isStream {
            write { writer throws(AMQPError) in
                for tag in tags { try writer.reject(tag, requeue: true, channel: channel.number) }
            }
        }
        _ = consumer.tick(now: .now, flushAll: true)
        if consumer.openCount == 0 { close(channel) }
    }

    func channel(of subscription: Subscription) -> Channel? {
        channels.values.first {
            if case .subscription(let other) = $0.role { other === subscription } else { false }
        }
    }

    /// The consumer is over.
    func remove(_ subscription: Subscription, _ error: AMQPError, keepsChannel: Bool = false) {
        subscriptions.removeAll { $0 === subscription }
        subscription.consumer.end(error, keepsChannel: keepsChannel)
        for waiter in subscription.cancelWaiters { waiter.resume(.success(())) }
        subscription.cancelWaiters = []
    }
}
