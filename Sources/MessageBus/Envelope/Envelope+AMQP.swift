package import AMQP
internal import Wire

/// How the envelope of contract.md stands in AMQP's properties and headers: CloudEvents 1.0, AMQP binding, binary mode.
extension Outgoing {
    /// The message as it goes onto the wire.
    /// - Parameters:
    ///   - user: the connection's user, which RabbitMQ checks.
    ///   - sender: `<participant>[.<site>]/<instance>`.
    func message(user: String, sender: String) -> AMQPMessage {
        let properties = carried?.properties(of: self, user: user) ?? ownProperties(user: user, sender: sender)
        return AMQPMessage(
            exchange: exchange.rawValue, routingKey: key, properties: properties, body: body, isMandatory: isMandatory)
    }

    private func ownProperties(user: String, sender: String) -> AMQPProperties {
        var properties = AMQPProperties()
        properties.contentType = contentType
        properties.type = type
        properties.messageID = id
        properties.replyTo = replyTo
        properties.correlationID = correlationID
        properties.userID = user
        properties.appID = sender
        properties.isPersistent = isPersistent
        properties.timestamp = UInt64(max(0, time.microseconds / 1_000_000))
        properties.expiration = timeToLive.map { String(max(1, $0.microseconds / 1_000)) }
        var table: [String: AMQPValue] = [:]
        table["cloudEvents_specversion"] = .string("1.0")
        table["cloudEvents_id"] = .string(id)
        table["cloudEvents_source"] = .string(sender)
        table["cloudEvents_type"] = .string(type)
        table["cloudEvents_subject"] = subject.map(AMQPValue.string)
        table["cloudEvents_time"] = .string(time.description)
        table["deadline"] = deadline.map { .string($0.description) }
        table["on_behalf_of"] = onBehalfOf.map { .string($0.json.text) }
        table["traceparent"] = traceparent.map(AMQPValue.string)
        table["sequence"] = sequence.map(AMQPValue.int)
        properties.headers = table
        return properties
    }
}

extension AMQPDelivery {
    /// A header that is a text, whatever AMQP type its sender gave it.
    package func header(_ name: String) -> String? {
        switch properties.headers[name] {
        case .string(let text): text
        case .bytes(let bytes): String(validating: bytes, as: UTF8.self)
        default: nil
        }
    }

    /// Whether there is a header of this name, of whatever type.
    func hasHeader(_ name: String) -> Bool {
        switch properties.headers[name] {
        case nil, .void: false
        default: true
        }
    }

    /// A header that is an instant: as RFC 3339, or as AMQP's own timestamp, which has seconds.
    func instant(_ name: String) -> Timestamp? {
        if case .timestamp(let seconds) = properties.headers[name] {
            // Beyond the year 9999 it is a mistake, such as milliseconds.
            return seconds < 253_402_300_800 ? Timestamp(microseconds: Int64(seconds) * 1_000_000) : nil
        }
        return header(name).flatMap(Timestamp.init)
    }

    /// A CloudEvents attribute: written with `cloudEvents_`, read with `cloudEvents:` and `ce-` too.
    func attribute(_ name: String) -> String? {
        header("cloudEvents_" + name) ?? header("cloudEvents:" + name) ?? header("ce-" + name)
    }

    /// A header that is a whole number.
    package func number(_ name: String) -> Int64? {
        if case .int(let value) = properties.headers[name] { value } else { nil }
    }
}

extension Outgoing {
    /// The message as its receiver gets it, for decisions that are played without a broker.
    func delivery(to queue: String, user: String) -> AMQPDelivery {
        let message = message(user: user, sender: user)
        return AMQPDelivery(
            queue: queue, exchange: message.exchange, routingKey: message.routingKey, isRedelivered: false,
            properties: message.properties, body: message.body)
    }
}
