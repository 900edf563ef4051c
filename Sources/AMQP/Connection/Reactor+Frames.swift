import Synchronization

// What the broker says, channel by channel.
extension Reactor {
    /// The most that any RabbitMQ takes. A lower limit here would not spare anybody the message: a connection that is
    /// dropped because of it is given it again.
    private static let bodyLimit = 512 << 20

    func handle(_ frame: RawFrame, _ decoder: MethodDecoder) throws(AMQPError) {
        guard frame.type != RawFrame.heartbeat else { return }
        guard frame.channel > 0 else {
            if frame.type == RawFrame.method, let method = try decoder.method(frame.payload) { try connection(method) }
            return
        }
        guard let channel = channels[frame.channel] else { return }
        switch frame.type {
        case RawFrame.method:
            if try delivered(frame.payload, on: channel) { return }
            if let method = try decoder.method(frame.payload) { try self.method(method, on: channel) }
        case RawFrame.header where !channel.isClosing: try header(frame.payload, on: channel, decoder)
        case RawFrame.body where !channel.isClosing:
            if let content = try channel.assembly.body(frame.payload) { try self.content(content, on: channel) }
        default: break
        }
    }

    /// The method that comes most often, read by hand; `false` for any other.
    private func delivered(_ payload: UnsafeRawBufferPointer, on channel: Channel) throws(AMQPError) -> Bool {
        var reader = FieldReader(payload)
        guard try reader.word() == MethodID.basicDeliver.rawValue else { return false }
        if channel.isClosing { return true }
        let consumer = ConsumerTag.index(try reader.text())
        let tag = try reader.long()
        let isRedelivered = try reader.byte() & 1 != 0
        try channel.assembly.announce(
            Announcement(
                kind: .delivered(consumer: consumer, tag: tag), isRedelivered: isRedelivered,
                exchange: channel.exchange.read(try reader.text()),
                routingKey: channel.routingKey.read(try reader.text())))
        return true
    }

    private func header(
        _ payload: UnsafeRawBufferPointer, on channel: Channel, _ decoder: MethodDecoder
    ) throws(AMQPError) {
        var reader = FieldReader(payload)
        // Class and weight say nothing: there is one class with content, and no weight but 0.
        _ = try reader.word()
        let size = try reader.long()
        let properties = try channel.properties.read(&reader, decoder)
        if let content = try channel.assembly.header(bodySize: size, properties, limit: Self.bodyLimit) {
            try self.content(content, on: channel)
        }
    }

    private func connection(_ method: InboundMethod) throws(AMQPError) {
        mustLook = true
        switch method {
        case .connectionClosed(let code, let text):
            write { writer throws(AMQPError) in try writer.method(.connectionCloseOK, channel: 0) }
            throw AMQPError(replyCode: code, text: text, closedConnection: true)
        case .connectionCloseOK:
            finish(AMQPError(.closed, "the connection was closed"))
        case .blocked(let reason):
            core.mailbox.withLock { $0.block(reason: reason) }
            health.blocked()
            live?.isBlocked = true
            core.events.send(.blocked(reason: reason))
        case .unblocked:
            core.mailbox.withLock { $0.block(reason: nil) }
            live?.isBlocked = false
            live?.noteProgress(true)
            core.events.send(.unblocked)
        default: break
        }
    }

    private func method(_ method: InboundMethod, on channel: Channel) throws(AMQPError) {
        let number = channel.number
        // Confirms come in crowds, and bring nothing nearer.
        if case .acknowledged = method {} else { mustLook = true }
        switch method {
        case .channelClosed(let code, let text):
            quiesce(channel)
            write { writer throws(AMQPError) in try writer.method(.channelCloseOK, channel: number) }
            // Closing crossed closing: the answer to ours is still to come.
            if !channel.isClosing { ended(channel, code: code, text: text) }
        case .channelCloseOK:
            channels[number] = nil
        case _ where channel.isClosing: break
        case .announced(let announcement):
            try channel.assembly.announce(announcement)
        case .acknowledged(let tag, let isMultiple):
            try confirmed(tag, isMultiple, isAccepted: true)
        case .refused(let tag, let isMultiple):
            try confirmed(tag, isMultiple, isAccepted: false)
        case .consumerCancelled(let index):
            if case .subscription(let subscription) = channel.role {
                brokerCancelled(subscription, index, on: channel)
            }
        case .flow(let isActive):
            write { writer throws(AMQPError) in
                try writer.method(.channelFlowOK, channel: number) { $0.write(isActive ? UInt8(1) : 0) }
            }
        case .gotNothing:
            if case .request(let pending) = channel.role { answer(pending, AMQPReply(), on: channel) }
        case .answer(let id, let counts):
            try answered(id, counts, on: channel)
        default: break
        }
    }

    private func confirmed(_ tag: UInt64, _ isMultiple: Bool, isAccepted: Bool) throws(AMQPError) {
        let before = confirms.openCount
        if isAccepted { health.confirmed() } else { health.refused(at: .now) }
        guard confirms.settle(tag, isMultiple: isMultiple, isAccepted: isAccepted, into: &settled) else {
            throw AMQPError(.connectionLost, "the broker confirmed message \(tag), which was never published")
        }
        released += before - confirms.openCount
    }

    private func answered(_ id: MethodID, _ counts: AMQPQueueState, on channel: Channel) throws(AMQPError) {
        guard channel.awaited.first == id else {
            throw AMQPError(.connectionLost, "the broker answered out of turn (method \(id.rawValue))")
        }
        channel.awaited.removeFirst()
        guard channel.awaited.isEmpty else { return }
        switch channel.role {
        case .publisher: publisherIsOpen(on: channel)
        case .request(let pending): answer(pending, AMQPReply(queueState: counts), on: channel)
        case .subscription(let subscription): stands(subscription, on: channel)
        case .held, .closing: break
        }
    }

    private func content(_ content: ContentAssembly.Content, on channel: Channel) throws(AMQPError) {
        let announcement = content.announcement
        switch announcement.kind {
        case .delivered(let index, let tag):
            guard case .subscription(let subscription) = channel.role else { return }
            guard tag == channel.nextTag else {
                throw AMQPError(.connectionLost, "the broker skipped from delivery \(channel.nextTag) to \(tag)")
            }
            channel.nextTag += 1
            let queues = subscription.consumer.queues
            guard let index, queues.indices.contains(index) else {
                throw AMQPError(.connectionLost, "the broker delivered to a consumer that does not exist")
            }
            if subscription.collected.isEmpty { touched.append(subscription) }
            subscription.collected.append(AMQPDelivery(content, from: queues[index]))
        case .returned(let code, let text):
            _ = confirms.markReturned(code: code, text: text) { batch, index in
                batch.messages[index].isSame(
                    exchange: announcement.exchange, routingKey: announcement.routingKey,
                    properties: content.properties, body: content.body)
            }
        case .got: got(content, on: channel)
        }
    }

    private func got(_ content: ContentAssembly.Content, on channel: Channel) {
        guard case .request(let pending) = channel.role, case .get(let queue) = pending.request, let live else {
            return
        }
        let plan = ConsumePlan(queues: [queue], prefetch: 1, declarations: [], arguments: [:], isExclusive: false)
        let consumer = ConsumerCore(plan, connection: core)
        let ticket = consumer.hold(channel: channel.number, epoch: live.epoch)
        channel.role = .held(consumer)
        tally.delivered += 1
        let delivery = AMQPDelivery(content, from: queue)
        pending.waiter.resume(.success(AMQPReply(deliveries: [delivery], ticket: ticket)))
    }
}

extension Channel {
    var isClosing: Bool {
        if case .closing = role { true } else { false }
    }
}

extension AMQPDelivery {
    init(_ content: ContentAssembly.Content, from queue: String) {
        self.init(
            queue: queue, exchange: content.announcement.exchange, routingKey: content.announcement.routingKey,
            isRedelivered: content.announcement.isRedelivered, properties: content.properties, body: content.body)
    }
}
