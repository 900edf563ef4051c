internal import AMQP
internal import Store
internal import Wire

/// What one turn of the loop takes into its transaction.
struct BatchInput: Sendable {
    var deliveries: [AMQPDelivery] = []
    var reports: [ActivityReport] = []
    /// Outbox rows that need no more attention.
    var settled: [Int64] = []
    /// Messages that no queue took.
    var returned: [Pending] = []
    var now: Timestamp

    var isEmpty: Bool { deliveries.isEmpty && reports.isEmpty && settled.isEmpty && returned.isEmpty }
}

/// What one turn of the loop brought out of its transaction.
struct BatchResult: Sendable {
    var outgoing: [Pending] = []
    var activities: [Decision.ActivityCommand] = []
    var nextTimer: Timestamp?
    /// More timers are due than one turn takes.
    var hasMoreTimers = false
    /// The types of what was handled and is to be published, for fault points and logs.
    var types: Set<String> = []
    var notes: [LogNote] = []
}

/// A message of the outbox that waits to be published.
struct Pending: Sendable {
    let number: Int64
    let message: Outgoing
    /// How often no queue took it.
    var attempts = 0
    /// Not before this instant is it tried again.
    var notBefore: Timestamp?
}

/// One transaction of the loop: everything that arrived is decided on, and everything that follows is written.
struct Batch<Subject: Participant> {
    let address: String
    let intake: Intake
    let ids: IDSource
    let about: JSON
    let transaction: any StoreTransaction
    let now: Timestamp
    private(set) var result = BatchResult()

    /// Timers that one turn takes.
    private let timerLimit = 500

    init(
        address: String, intake: Intake, ids: IDSource, about: JSON, transaction: any StoreTransaction, now: Timestamp
    ) {
        self.address = address
        self.intake = intake
        self.ids = ids
        self.about = about
        self.transaction = transaction
        self.now = now
    }

    mutating func run(_ input: BatchInput, _ participant: inout Subject) throws {
        try transaction.removeOutgoing(input.settled)
        for delivery in input.deliveries { try take(delivery, &participant) }
        for pending in input.returned { try takeReturned(pending, &participant) }
        for report in input.reports { try take(report, &participant) }
        let due = try transaction.dueTimers(at: now, limit: timerLimit)
        for timer in due {
            try transaction.cancelTimer(timer.name)
            let payload = (try? JSON(parsing: timer.payload)) ?? .null
            let fired = FiredTimer(name: timer.name, due: timer.due, payload: payload)
            result.types.insert("timer")
            try decideAlone(.timer(fired), "timer \(timer.name)", &participant)
        }
        result.hasMoreTimers = due.count == timerLimit
        result.nextTimer = try transaction.nextTimer()
    }

    // MARK: Messages

    private mutating func take(_ delivery: AMQPDelivery, _ participant: inout Subject) throws {
        switch intake.check(delivery, at: now) {
        case .poisonous:
            try park(delivery, Problem(.internalFault, "it was delivered \(Intake.deliveryLimit) times without an end"))
        case .refused(let problem, let request, let treatment):
            if treatment == .signal { return }
            if request.replyTo != nil, treatment != .answer, treatment != .event,
                treatment != nil || isRequest(delivery)
            {
                note(.warning, "refused \(delivery.properties.type ?? "a message without type"): \(problem)")
                try answer(request, with: problem)
            } else {
                try park(delivery, problem)
            }
        case .accepted(let message, let treatment, let fingerprint):
            result.types.insert(message.type)
            if message.type == Self.pingType {
                try apply(
                    makeDecision(message.traceparent) { $0.answer(message.request, "srcnet.participant.v1", about) })
                return
            }
            if try isRepeated(message, treatment, fingerprint) { return }
            try decide(message, treatment, delivery, &participant)
        }
    }

    static var pingType: String { "srcnet.participant.ping.v1" }

    /// A message of a type that is not known here is answered where it asks for an answer, unless it is itself an answer.
    private func isRequest(_ delivery: AMQPDelivery) -> Bool { delivery.exchange != Exchange.replies.rawValue }

    private mutating func decide(
        _ message: Message, _ treatment: Treatment, _ delivery: AMQPDelivery, _ participant: inout Subject
    ) throws {
        var decision = makeDecision(message.traceparent)
        do {
            try participant.decide(.message(message), &decision)
            try apply(decision)
        } catch let problem as Problem {
            if problem.kind == .internalFault { note(.error, "\(message.type) \(message.id ?? ""): \(problem.detail)") }
            switch treatment {
            case .command, .query:
                if message.replyTo == nil, treatment == .command { try park(delivery, problem) }
                try answer(message.request, with: hideInside(problem))
            case .answer, .event: try park(delivery, problem)
            case .signal: break
            }
        }
    }

    /// What is inside a fault of ours is for the log, not for who asked (contract.md, Problems).
    private func hideInside(_ problem: Problem) -> Problem {
        problem.kind == .internalFault
            ? Problem(.internalFault, "\(address) could not do it because of a fault of its own; its log tells more")
            : problem
    }

    /// Whether the message was seen before; then its answer, if there is one by now, goes to the newest `reply_to`.
    private mutating func isRepeated(
        _ message: Message, _ treatment: Treatment, _ fingerprint: [UInt8]
    ) throws -> Bool {
        guard let id = message.id, treatment != .query, treatment != .signal else { return false }
        let key = InboxKey(sender: message.sender, messageID: id)
        guard var entry = try transaction.inboxEntry(key) else {
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

    private mutating func answer(_ request: Request, with problem: Problem) throws {
        try apply(makeDecision(request.traceparent) { $0.refuse(request, problem) })
    }

    /// Puts a message where an operator finds it, with the reason and without its token.
    private mutating func park(_ delivery: AMQPDelivery, _ problem: Problem) throws {
        note(.warning, "parked \(delivery.properties.type ?? "a message without type"): \(problem)")
        var parked = Outgoing(
            exchange: .parked, key: address, type: delivery.properties.type ?? "",
            id: delivery.properties.messageID ?? ids.next(), time: now, body: .null)
        parked.body = delivery.body
        parked.contentType = delivery.properties.contentType ?? "application/json"
        parked.correlationID = delivery.properties.correlationID
        parked.replyTo = delivery.properties.replyTo
        parked.headers = [
            "reason": "\(problem.kind.rawValue): \(problem)", "attempt": "1", "first_failed": now.description,
            "original_exchange": delivery.exchange, "original_key": delivery.routingKey,
            "asker": delivery.properties.userID ?? "",
        ]
        try send(parked)
    }

    /// A command that no queue takes is an error at once, never silence.
    private mutating func takeReturned(_ pending: Pending, _ participant: inout Subject) throws {
        let message = pending.message
        let problem = Problem(
            .unavailable, "no queue takes messages for \(message.key); is that participant deployed?",
            members: ["retryAfter": 5])
        if message.replyTo == address {
            let answer = Message(
                type: Problem.messageType, id: nil, key: address, sender: message.key, asker: Caller(sub: message.key),
                correlationID: message.correlationID, traceparent: message.traceparent, body: problem.json)
            try decideAlone(.message(answer), "the return of \(message.type)", &participant)
        } else if let replyTo = message.replyTo {
            let request = Request(
                sender: message.onBehalfOf?.sub ?? "", messageID: nil, replyTo: replyTo,
                correlationID: message.correlationID, traceparent: message.traceparent, isRemembered: false)
            try answer(request, with: problem)
        } else {
            note(.error, "\(message.type) came back: \(problem.detail)")
        }
        try transaction.removeOutgoing([pending.number])
    }

    // MARK: Activities and timers

    private mutating func take(_ report: ActivityReport, _ participant: inout Subject) throws {
        let key = StateKey(kind: StoredActivity.kind, id: report.activity.id)
        guard try transaction.state(key) != nil else { return }
        if report.isFinal { try transaction.delete(key) }
        result.types.insert(report.activity.name)
        try decideAlone(.activity(report), "activity \(report.activity.name)", &participant)
    }

    /// Decides on what nobody waits for an answer to.
    private mutating func decideAlone(_ input: Input, _ what: String, _ participant: inout Subject) throws {
        var decision = makeDecision(nil)
        do {
            try participant.decide(input, &decision)
            try apply(decision)
        } catch let problem as Problem {
            note(.error, "\(what): \(problem)")
        }
    }

    private func makeDecision(_ traceparent: String?) -> Decision {
        Decision(now: now, address: address, traceparent: traceparent, store: transaction, ids: ids)
    }

    private func makeDecision(_ traceparent: String?, _ fill: (inout Decision) -> Void) -> Decision {
        var decision = makeDecision(traceparent)
        fill(&decision)
        return decision
    }

    // MARK: Writing

    private mutating func apply(_ decision: Decision) throws {
        for (key, state) in decision.states {
            if let state { try transaction.save(state) } else { try transaction.delete(key) }
        }
        for answer in decision.answers { try apply(answer) }
        for message in decision.outgoing { try send(message) }
        for (name, timer) in decision.timers {
            if let timer { try transaction.setTimer(timer) } else { try transaction.cancelTimer(name) }
        }
        for command in decision.activities { try apply(command) }
    }

    private mutating func apply(_ answer: Decision.Answer) throws {
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

    private mutating func apply(_ command: Decision.ActivityCommand) throws {
        switch command {
        case .start(let activity):
            let stored = StoredActivity(
                activity: activity, order: try transaction.nextNumber(of: "activities"), isCancelled: false)
            try transaction.save(stored.state())
        case .cancel(let id):
            if let state = try transaction.state(StateKey(kind: StoredActivity.kind, id: id)) {
                var stored = try decodeState(StoredActivity.self, state)
                stored.isCancelled = true
                try transaction.save(stored.state())
            }
        }
        result.activities.append(command)
    }

    private mutating func send(_ message: Outgoing) throws {
        var message = message
        if message.isNumbered, message.sequence == nil, let subject = message.subject {
            message.sequence = try transaction.nextNumber(of: "\(message.exchange.rawValue)/\(subject)")
        }
        let number = try transaction.append(envelope: encodeState(message), body: message.body)
        result.outgoing.append(Pending(number: number, message: message))
        result.types.insert(message.type)
    }

    private mutating func note(_ level: LogLevel, _ text: String) {
        result.notes.append(LogNote(level: level, text: text))
    }
}

/// An activity as it is stored, so that it is performed again after a crash.
struct StoredActivity: Codable {
    static let kind = "bus.activity"

    let activity: Activity
    let order: Int64
    var isCancelled: Bool

    func state() throws -> StoredState {
        StoredState(
            key: StateKey(kind: Self.kind, id: activity.id), group: activity.lane, bytes: try encodeState(self))
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

/// Reads a message of the outbox.
func decodeOutgoing(envelope: [UInt8], body: [UInt8]) throws -> Outgoing {
    let key = StateKey(kind: "outgoing message", id: "")
    var message = try decodeState(Outgoing.self, StoredState(key: key, bytes: envelope))
    message.body = body
    return message
}
