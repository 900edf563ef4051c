import CRabbitMQ

/// A method from the broker.
enum InboundMethod: Sendable, Hashable {
    case announced(Announcement)
    case gotNothing
    case acknowledged(tag: UInt64, isMultiple: Bool)
    case refused(tag: UInt64, isMultiple: Bool)
    case consumerCancelled(consumer: Int?)
    case channelClosed(code: UInt16, text: String)
    case channelCloseOK
    case flow(isActive: Bool)
    case connectionStarted(mechanisms: String)
    case connectionTuned(maxChannel: UInt16, maxFrame: UInt32, heartbeat: UInt16)
    case connectionClosed(code: UInt16, text: String)
    case connectionCloseOK
    case blocked(reason: String)
    case unblocked
    /// Any other answer, with the counts of a queue where it has some.
    case answer(MethodID, AMQPQueueState)

    init?(_ method: amqp_method_t) {
        let id = MethodID(rawValue: method.id)
        guard let fields = method.decoded else { return nil }
        if let known = Self.content(id, fields) ?? Self.confirm(id, fields) ?? Self.ending(id, fields)
            ?? Self.login(id, fields)
        {
            self = known
        } else {
            self = .answer(id, Self.counts(id, fields))
        }
    }

    private static func content(_ id: MethodID, _ fields: UnsafeMutableRawPointer) -> InboundMethod? {
        switch id {
        case .basicDeliver:
            let deliver = fields.assumingMemoryBound(to: amqp_basic_deliver_t.self).pointee
            return .announced(
                Announcement(
                    kind: .delivered(
                        consumer: ConsumerTag.index(deliver.consumer_tag.buffer), tag: deliver.delivery_tag),
                    isRedelivered: deliver.redelivered != 0, exchange: deliver.exchange.text,
                    routingKey: deliver.routing_key.text))
        case .basicReturn:
            let back = fields.assumingMemoryBound(to: amqp_basic_return_t.self).pointee
            return .announced(
                Announcement(
                    kind: .returned(code: back.reply_code, text: back.reply_text.text), exchange: back.exchange.text,
                    routingKey: back.routing_key.text))
        case .basicGetOK:
            let got = fields.assumingMemoryBound(to: amqp_basic_get_ok_t.self).pointee
            return .announced(
                Announcement(
                    kind: .got(tag: got.delivery_tag), isRedelivered: got.redelivered != 0,
                    exchange: got.exchange.text, routingKey: got.routing_key.text))
        case .basicGetEmpty: return .gotNothing
        default: return nil
        }
    }

    private static func confirm(_ id: MethodID, _ fields: UnsafeMutableRawPointer) -> InboundMethod? {
        switch id {
        case .basicAck:
            let ack = fields.assumingMemoryBound(to: amqp_basic_ack_t.self).pointee
            return .acknowledged(tag: ack.delivery_tag, isMultiple: ack.multiple != 0)
        case .basicNack:
            let nack = fields.assumingMemoryBound(to: amqp_basic_nack_t.self).pointee
            return .refused(tag: nack.delivery_tag, isMultiple: nack.multiple != 0)
        default: return nil
        }
    }

    private static func ending(_ id: MethodID, _ fields: UnsafeMutableRawPointer) -> InboundMethod? {
        switch id {
        case .basicCancel:
            let cancel = fields.assumingMemoryBound(to: amqp_basic_cancel_t.self).pointee
            return .consumerCancelled(consumer: ConsumerTag.index(cancel.consumer_tag.buffer))
        case .channelClose:
            let close = fields.assumingMemoryBound(to: amqp_channel_close_t.self).pointee
            return .channelClosed(code: close.reply_code, text: close.reply_text.text)
        case .channelCloseOK: return .channelCloseOK
        case .channelFlow:
            let flow = fields.assumingMemoryBound(to: amqp_channel_flow_t.self).pointee
            return .flow(isActive: flow.active != 0)
        case .connectionClose:
            let close = fields.assumingMemoryBound(to: amqp_connection_close_t.self).pointee
            return .connectionClosed(code: close.reply_code, text: close.reply_text.text)
        case .connectionCloseOK: return .connectionCloseOK
        case .connectionBlocked:
            return .blocked(reason: fields.assumingMemoryBound(to: amqp_connection_blocked_t.self).pointee.reason.text)
        case .connectionUnblocked: return .unblocked
        default: return nil
        }
    }

    private static func login(_ id: MethodID, _ fields: UnsafeMutableRawPointer) -> InboundMethod? {
        switch id {
        case .connectionStart:
            let start = fields.assumingMemoryBound(to: amqp_connection_start_t.self).pointee
            return .connectionStarted(mechanisms: start.mechanisms.text)
        case .connectionTune:
            let tune = fields.assumingMemoryBound(to: amqp_connection_tune_t.self).pointee
            return .connectionTuned(
                maxChannel: tune.channel_max, maxFrame: tune.frame_max, heartbeat: tune.heartbeat)
        default: return nil
        }
    }

    private static func counts(_ id: MethodID, _ fields: UnsafeMutableRawPointer) -> AMQPQueueState {
        switch id {
        case .queueDeclareOK:
            let declared = fields.assumingMemoryBound(to: amqp_queue_declare_ok_t.self).pointee
            return AMQPQueueState(messages: declared.message_count, consumers: declared.consumer_count)
        case .queueDeleteOK:
            let deleted = fields.assumingMemoryBound(to: amqp_queue_delete_ok_t.self).pointee
            return AMQPQueueState(messages: deleted.message_count, consumers: 0)
        case .queuePurgeOK:
            let purged = fields.assumingMemoryBound(to: amqp_queue_purge_ok_t.self).pointee
            return AMQPQueueState(messages: purged.message_count, consumers: 0)
        default: return AMQPQueueState(messages: 0, consumers: 0)
        }
    }
}

/// Names for the consumers of one channel: the place of the queue, then its name for whoever looks at the broker.
enum ConsumerTag {
    static func make(_ index: Int, queue: String) -> String {
        let tag = "\(index):\(queue)"
        return tag.utf8.count <= 255 ? tag : "\(index):"
    }

    /// The place, read from the digits before the colon.
    static func index(_ tag: UnsafeRawBufferPointer) -> Int? {
        var index: Int?
        for byte in tag {
            guard byte != UInt8(ascii: ":") else { return index }
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte), (index ?? 0) < 100_000 else { return nil }
            index = (index ?? 0) * 10 + Int(byte - UInt8(ascii: "0"))
        }
        return nil
    }
}
