internal import AMQP
internal import Store
internal import Wire

// What becomes of a message that could not be handled: it waits for another try, or is parked.
extension Batch {
    /// What is known of a delivery by its being a copy that waited.
    enum Recollection {
        /// It comes from its sender, or nothing is known of it any more.
        case new
        /// It is the copy that was expected.
        case waiting(RetryRecord)
        /// It came before, or a newer copy is on its way.
        case superseded
    }

    func recall(_ delivery: AMQPDelivery, _ origin: Origin) throws -> Recollection {
        guard let copy = origin.copy, let id = delivery.properties.messageID else { return .new }
        let key = InboxKey(sender: origin.sender, messageID: id)
        if let record = try recordOfWaiting(key) {
            return record.copy == copy && !record.isParked ? .waiting(record) : .superseded
        }
        // Its message has come to an end, unless the store began anew.
        return try transaction.inboxEntry(key) == nil ? .new : .superseded
    }

    func recordOfWaiting(_ key: InboxKey) throws -> RetryRecord? {
        try transaction.state(RetryRecord.key(key)).map { try decodeState(RetryRecord.self, $0) }
    }

    /// Takes back what is remembered of a message that waited: it does so no more.
    mutating func endRetrying(_ key: InboxKey, _ record: RetryRecord) throws {
        try forget(RetryRecord.key(key))
        try leaveLine(record)
    }

    private func leaveLine(_ record: RetryRecord) throws {
        if let place = record.place { try WaitingLine(name: place.line, in: transaction).leave(place) }
    }

    /// Lets a replay of a message that was parked pass once, whatever the inbox remembers of it.
    func isReplayOfParked(_ arrival: Arrival) throws -> Bool {
        guard arrival.origin.isReplayed, arrival.message.id != nil, let record = try recordOfWaiting(arrival.key),
            record.isParked
        else { return false }
        try forget(RetryRecord.key(arrival.key))
        return record.keepsEntry
    }

    // MARK: Order

    /// Whether nothing of the same subject that came before waits. Otherwise the message is put behind it.
    mutating func isItsTurn(_ arrival: inout Arrival) throws -> Bool {
        guard arrival.isRetried,
            let line = WaitingLine(of: arrival.message.subject, from: arrival.origin, in: transaction)
        else { return true }
        arrival.line = line
        while let head = try line.head(), head.place != arrival.record?.place {
            guard now > max(head.waiter.due, context.since) + context.patience else {
                try putBehind(&arrival, line, until: head.waiter.due)
                return false
            }
            note(
                .warning,
                "message \(head.waiter.message) did not come back by \(head.waiter.due); those of \(arrival.message.subject ?? "") wait for it no longer"
            )
            try line.leave(head.place)
        }
        return true
    }

    private mutating func putBehind(_ arrival: inout Arrival, _ line: WaitingLine, until due: Timestamp) throws {
        arrival.identify(by: context.ids)
        let delay = RetryDelay.fitting(due - now)
        var record = arrival.record ?? RetryRecord(due: now)
        record.due = now + delay.duration
        if let place = record.place {
            try line.keep(arrival.key, at: place, due: record.due)
        } else {
            record.place = try line.join(arrival.key, due: record.due)
        }
        note(.debug, "\(arrival.message.type) \(arrival.key.messageID) waits for an earlier one of its subject")
        conclude(.held)
        try wait(arrival, &record, delay, reason: "waits for an earlier message of its subject")
    }

    // MARK: Failing

    /// A message could not be handled, because of `problem`.
    mutating func fail(_ arrival: Arrival, _ problem: Problem) throws {
        let message = arrival.message
        if problem.kind == .internalFault { note(.error, "\(message.type) \(message.id ?? ""): \(problem)") }
        if arrival.isRetried, problem.passes(for: arrival.treatment) {
            try tryAgain(arrival, problem)
            return
        }
        switch arrival.treatment {
        case .command, .query:
            try answer(message.request, with: problem.withoutInside(of: context.address))
            conclude(.refused)
            // Somebody knows of it, unless there is nobody to be told.
            guard arrival.treatment == .command, message.replyTo == nil else { break }
            try park(arrival, arrival.record, problem)
            return
        case .answer, .event:
            try park(arrival, arrival.record, problem)
            return
        case .signal: break
        }
        if let record = arrival.record { try endRetrying(arrival.key, record) }
    }

    private mutating func tryAgain(_ arrival: Arrival, _ problem: Problem) throws {
        var arrival = arrival
        arrival.identify(by: context.ids)
        let message = arrival.message
        var record = arrival.record ?? RetryRecord(due: now)
        record.attempts += 1
        record.firstFailed = record.firstFailed ?? now
        let delay = context.retries.delay(afterFailure: Int(record.attempts))
        // After its deadline nobody acts on it: who waits is told while there is time.
        let isTooLate = message.deadline.map { $0 <= now + (delay?.duration ?? .zero) } ?? false
        guard let delay, !isTooLate else {
            if arrival.treatment == .command {
                try answer(message.request, with: problem.withoutInside(of: context.address))
            }
            try park(arrival, record, problem)
            return
        }
        record.due = now + delay.duration
        if let place = record.place {
            try arrival.line?.keep(arrival.key, at: place, due: record.due)
        } else {
            record.place = try arrival.line?.join(arrival.key, due: record.due)
        }
        note(
            .warning,
            "\(message.type) \(arrival.key.messageID) failed (\(record.attempts)) and is tried again in \(delay.rawValue): \(problem)"
        )
        conclude(.retried)
        try wait(arrival, &record, delay, reason: problem.reason)
    }

    /// Sends a copy to wait, and remembers which.
    private mutating func wait(
        _ arrival: Arrival, _ record: inout RetryRecord, _ delay: RetryDelay, reason: String
    ) throws {
        // Also where it was parked before and is sent again by its sender: no number is used twice.
        record.copy = max(record.copy, try recordOfWaiting(arrival.key)?.copy ?? 0) + 1
        record.isParked = false
        try save(record, of: arrival.key)
        // As long as it waits, it is not forgotten that it came.
        if let entry = try transaction.inboxEntry(arrival.key) { try transaction.save(entry.touched(at: now)) }
        var carried = CarriedMessage(arrival.delivery)
        carried.tellOrigin(arrival.origin)
        carried.set(.delay, delay.rawValue)
        carried.set(.copy, record.copy)
        carried.set(.attempt, record.attempts)
        carried.set(.reason, reason)
        if let first = record.firstFailed { carried.set(.firstFailed, first.description) }
        try sendOn(arrival.delivery, carried, to: .retry, id: arrival.key.messageID)
    }

    /// Puts a message where an operator finds it, with the reason and without its token.
    mutating func park(
        _ delivery: AMQPDelivery, _ origin: Origin, _ record: RetryRecord?, _ problem: Problem
    ) throws {
        note(.warning, "parked \(delivery.properties.type ?? "a message without type"): \(problem)")
        conclude(.parked)
        var carried = CarriedMessage(delivery)
        carried.remove("authorization")
        carried.tellOrigin(origin)
        carried.set(.reason, problem.reason)
        carried.set(.attempt, record?.attempts ?? 1)
        carried.set(.firstFailed, (record?.firstFailed ?? now).description)
        carried.set(.lastFailed, now.description)
        if carried.contentType == nil { carried.contentType = "application/json" }
        try sendOn(delivery, carried, to: .parked, id: delivery.properties.messageID ?? context.ids.next())
    }

    /// Parks a message that was known here: those that wait for it wait no longer, and no copy of it is handled any more,
    /// unless an operator replays it.
    mutating func parkForGood(
        _ delivery: AMQPDelivery, _ origin: Origin, _ key: InboxKey, _ record: RetryRecord?, _ problem: Problem
    ) throws {
        try park(delivery, origin, record, problem)
        if let record { try leaveLine(record) }
        var parked = record ?? RetryRecord(due: now)
        parked.place = nil
        parked.isParked = true
        if let entry = try transaction.inboxEntry(key) {
            parked.keepsEntry = true
            try transaction.save(entry.touched(at: now))
        }
        // Where nothing is remembered in the inbox, and no copy was on its way, a replay is like a new message.
        if parked.keepsEntry || parked.copy > 0 {
            try save(parked, of: key)
        } else if record != nil {
            try forget(RetryRecord.key(key))
        }
    }

    private mutating func park(_ arrival: Arrival, _ record: RetryRecord?, _ problem: Problem) throws {
        try parkForGood(arrival.delivery, arrival.origin, arrival.key, record, problem)
    }

    private func save(_ record: RetryRecord, of message: InboxKey) throws {
        try transaction.save(record.state(message))
        try forgetLater(RetryRecord.key(message))
    }

    private mutating func sendOn(
        _ delivery: AMQPDelivery, _ carried: CarriedMessage, to exchange: Exchange, id: String
    ) throws {
        var message = Outgoing(
            exchange: exchange, key: context.address, type: delivery.properties.type ?? "", id: id, time: now,
            body: .null)
        message.body = delivery.body
        message.correlationID = delivery.properties.correlationID
        message.replyTo = delivery.properties.replyTo
        message.isMandatory = true
        message.carried = carried
        try send(message)
    }
}

extension Arrival {
    /// Whether it may be handled again later. A question has somebody who waits, an offer request is of no use later.
    var isRetried: Bool {
        switch treatment {
        case .command, .answer, .event: origin.exchange != Exchange.offers.rawValue
        case .query, .signal: false
        }
    }
}

extension CarriedMessage {
    fileprivate mutating func tellOrigin(_ origin: Origin) {
        set(.originalExchange, origin.exchange)
        set(.originalKey, origin.key)
        set(.asker, origin.sender)
    }
}

extension Problem {
    /// Whether the same message may be handled later with another end. `no-capacity` is an answer that a command waits for;
    /// where nobody waits it is as passing as the others.
    fileprivate func passes(for treatment: Treatment) -> Bool {
        switch kind {
        case .internalFault, .unavailable: true
        case .noCapacity: treatment != .command
        default: false
        }
    }

    /// As the header `reason` has it.
    fileprivate var reason: String { "\(kind.rawValue): \(self)" }

    /// What is inside a fault of ours is for the log, not for who asked (contract.md, Problems).
    func withoutInside(of address: String) -> Problem {
        kind == .internalFault
            ? Problem(.internalFault, "\(address) could not do it because of a fault of its own; its log tells more")
            : self
    }
}

extension InboxEntry {
    fileprivate func touched(at now: Timestamp) -> InboxEntry {
        InboxEntry(
            key: key, fingerprint: fingerprint, received: now, replyTo: replyTo, correlationID: correlationID,
            answer: answer)
    }
}
