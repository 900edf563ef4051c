extension AMQPError {
    /// What the broker said when it closed a channel or the connection.
    init(replyCode: UInt16, text: String, closedConnection: Bool = false) {
        // The broker writes "NOT_FOUND - no queue 'x' in vhost '/'"; the first word repeats the code.
        let reason = text.firstRange(of: " - ").map { String(text[$0.upperBound...]) } ?? text
        switch replyCode {
        case 403 where text.contains("exclusive use"):
            self.init(.resourceLocked, "\(reason): another consumer has it for itself; end that one", replyCode: 403)
        case 403:
            self.init(.accessRefused, "\(reason): give this user the permission, or use another", replyCode: 403)
        case 404:
            self.init(.notFound, "\(reason): declare it first, or correct its name", replyCode: 404)
        case 405:
            self.init(
                .resourceLocked, "\(reason): it belongs to another connection; end that one, or use another name",
                replyCode: 405)
        case 406:
            self.init(
                .preconditionFailed, "\(reason): what exists and what was asked for differ; make them agree",
                replyCode: 406)
        default:
            self.init(
                closedConnection ? .connectionClosed : .channelClosed,
                "the broker closed the \(closedConnection ? "connection" : "channel"): \(text)", replyCode: replyCode,
                // An operator's close and a restart pass; a broken protocol does not.
                isRetriable: replyCode < 500)
        }
    }
}

extension AMQPMessage {
    /// Whether the broker closed the publishing channel because of this message, as far as its text tells.
    func isBlamed(by text: String) -> Bool {
        if !exchange.isEmpty, text.contains("exchange '\(exchange)'") {
            // A topic permission is refused for one key.
            guard text.contains("topic '") else { return true }
            return text.contains("topic '\(routingKey)'")
        }
        if text.contains("user_id"), let userID = properties.userID { return text.contains("set to '\(userID)'") }
        if text.contains("default exchange") || text.contains("amq.default") { return exchange.isEmpty }
        return false
    }

    /// Whether a returned message is this one; the broker sends it back as it was.
    func isSame(
        exchange: String, routingKey: String, properties: AMQPProperties, body: [UInt8]
    ) -> Bool {
        isMandatory && self.routingKey == routingKey && self.exchange == exchange
            && self.properties.messageID == properties.messageID
            && self.properties.correlationID == properties.correlationID && self.body == body
    }
}
