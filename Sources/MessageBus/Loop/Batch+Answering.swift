internal import AMQP
internal import Store
internal import Wire

// Each message has its effect once, and the same answer however often it comes.
extension Batch {
    /// Whether the message was seen before; then its answer, if there is one by now, goes to the newest `reply_to`.
    mutating func isRepeated(_ arrival: Arrival, _ fingerprint: [UInt8]) throws -> Bool {
        let (message, treatment) = (arrival.message, arrival.treatment)
        guard let id = message.id, treatment != .query, treatment != .signal else { return false }
        let key = InboxKey(sender: message.sender, messageID: id)
        let known = try isReplayOfParked(arrival) ? nil : transaction.inboxEntry(key)
        guard var entry = known else {
            try transaction.save(
                InboxEntry(
                    key: key, fingerprint: fingerprint, received: now, replyTo: message.replyTo,
                    correlationID: message.correlationID))
            return false
        }
        guard treatment == .command else { return true }
        guard entry.fingerprint == fingerprint else {
            let detail = "message_id \(id) was used before for another message; use a new one"
            var request = message.request
            request = Request(
                sender: request.sender, messageID: nil, replyTo: request.replyTo, correlationID: request.correlationID,
                traceparent: request.traceparent, isRemembered: false)
            try answer(request, with: Problem(.idempotencyConflict, detail))
            return true
        }
        entry.replyTo = message.replyTo
        entry.correlationID = message.correlationID
        try transaction.save(entry)
        if let answer = try entry.answer.map(decodeAnswer) {
            try send(address(answer, to: entry.replyTo, entry.correlationID))
        }
        return true
    }

    mutating func answer(_ request: Request, with problem: Problem) throws {
        var decision = makeDecision(request.traceparent)
        decision.refuse(request, problem)
        try apply(decision)
    }

    mutating func apply(_ answer: Decision.Answer) throws {
        var (replyTo, correlationID) = (answer.request.replyTo, answer.request.correlationID)
        if answer.request.isRemembered, let id = answer.request.messageID {
            let key = InboxKey(sender: answer.request.sender, messageID: id)
            if var entry = try transaction.inboxEntry(key) {
                (replyTo, correlationID) = (entry.replyTo, entry.correlationID)
                if answer.isProblemThatPasses {
                    try transaction.forget(key)
                } else {
                    entry.answer = try encodeAnswer(answer.message)
                    try transaction.save(entry)
                }
            }
        }
        if answer.message.exchange == .replies, replyTo == nil { return }
        try send(address(answer.message, to: replyTo, correlationID))
    }

    private func address(_ answer: Outgoing, to replyTo: String?, _ correlationID: String?) -> Outgoing {
        var message = answer
        message.correlationID = correlationID
        if message.exchange == .replies { message.key = replyTo ?? "" } else { message.replyTo = replyTo }
        return message
    }
}

/// An answer as the inbox keeps it.
private func encodeAnswer(_ message: Outgoing) throws -> [UInt8] {
    // The envelope, a line feed (which JSON without indentation never holds), then the body as it is.
    try encodeState(message) + [0x0A] + message.body
}

private func decodeAnswer(_ bytes: [UInt8]) throws -> Outgoing {
    guard let end = bytes.firstIndex(of: 0x0A) else {
        throw Problem(.internalFault, "an answer in the inbox cannot be read")
    }
    return try decodeOutgoing(envelope: Array(bytes[..<end]), body: Array(bytes[(end + 1)...]))
}
