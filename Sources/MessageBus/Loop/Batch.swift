internal import AMQP
internal import Store
internal import Wire

/// One transaction of the loop: everything that arrived is decided on, and everything that follows is written.
struct Batch<Subject: Participant> {
    let context: BatchContext
    let transaction: any StoreTransaction
    let now: Timestamp
    var result = BatchResult()
    /// The message that is being handled.
    var handling: Handling?

    /// Timers that one turn takes.
    private let timerLimit = 500
    /// A timer on which nothing could be decided, because of a fault, fires again after this time.
    private static var timerPause: Duration { .seconds(60) }

    init(_ context: BatchContext, _ transaction: any StoreTransaction, now: Timestamp) {
        self.context = context
        self.transaction = transaction
        self.now = now
    }

    mutating func run(_ input: BatchInput, isAgain: Bool = false, _ participant: inout Subject) throws {
        if isAgain || transaction.isForeign { try catchUp(input, &participant) }
        try transaction.removeOutgoing(input.settled)
        for delivery in input.deliveries {
            try observe(delivery) { try $0.take(delivery, $1, &participant) }
        }
        if let suspect = input.suspect { try forget(suspect) }
        for pending in input.returned { try takeReturned(pending, &participant) }
        for report in input.reports { try take(report, &participant) }
        guard input.leads else { return }
        let due = try transaction.dueTimers(at: now, limit: timerLimit)
        for timer in due {
            try transaction.cancelTimer(timer.name)
            if try isForgotten(timer) { continue }
            let payload = (try? JSON(parsing: timer.payload)) ?? .null
            let fired = FiredTimer(name: timer.name, due: timer.due, payload: payload)
            result.types.insert("timer")
            result.timerDelays.append(now - timer.due)
            guard try decideAlone(.timer(fired), "timer \(timer.name)", nil, &participant) else {
                try transaction.setTimer(
                    StoredTimer(name: timer.name, due: now + Self.timerPause, payload: timer.payload))
                continue
            }
        }
        result.hasMoreTimers = due.count == timerLimit
        result.nextTimer = try transaction.nextTimer()
    }

    /// Reads anew what is kept in memory, and what other replicas have written to be published: before anything of one's own,
    /// since messages of a subject keep their order.
    private mutating func catchUp(_ input: BatchInput, _ participant: inout Subject) throws {
        try participant.restore(from: transaction, at: now)
        if transaction.isForeign, input.leads { result.outgoing = try transaction.pending(after: input.newest) }
        transaction.catchUp()
    }

    // MARK: Messages

    private mutating func take(
        _ delivery: AMQPDelivery, _ trace: TraceContext, _ participant: inout Subject
    ) throws {
        let origin = Origin(delivery, at: context.address)
        let record: RetryRecord?
        switch try recall(delivery, origin) {
        case .superseded:
            note(.debug, "a copy of \(delivery.properties.messageID ?? "") came twice")
            conclude(.repeated)
            return
        case .waiting(let known): record = known
        case .new: record = nil
        }
        switch context.intake.check(delivery, origin, trace, at: now) {
        case .refused(let problem, let request, let treatment):
            if let record, let id = request.messageID {
                let key = InboxKey(sender: origin.sender, messageID: id)
                try endRetrying(key, record)
                try transaction.forget(key)
            }
            if treatment == .signal {
                conclude(.dropped)
                return
            }
            if request.replyTo != nil, mayAnswer(treatment, origin) {
                conclude(.refused)
                note(.warning, "refused \(delivery.properties.type ?? "a message without type"): \(problem)")
                try answer(request, with: problem)
            } else {
                try park(delivery, origin, record, problem)
            }
        case .accepted(let message, let treatment, let fingerprint):
            result.types.insert(message.type)
            if message.type == Self.pingType {
                var decision = makeDecision(message.traceparent)
                decision.answer(message.request, "srcnet.participant.v1", context.about)
                try apply(decision)
                return
            }
            var arrival = Arrival(
                delivery: delivery, origin: origin, message: message, treatment: treatment, record: record)
            if record == nil, try isRepeated(arrival, fingerprint) {
                conclude(.repeated)
                return
            }
            guard try isItsTurn(&arrival) else { return }
            try decide(arrival, &participant)
        }
    }

    static var pingType: String { "srcnet.participant.ping.v1" }

    /// Whether a message that is not handled may be answered. One of a type that is not known here is answered where it asks
    /// for an answer, unless it is itself an answer.
    func mayAnswer(_ treatment: Treatment?, _ origin: Origin) -> Bool {
        switch treatment {
        case .command, .query: true
        case .answer, .event, .signal: false
        case nil: origin.exchange != Exchange.replies.rawValue
        }
    }

    private mutating func decide(_ arrival: Arrival, _ participant: inout Subject) throws {
        let message = arrival.message
        var decision = makeDecision(message.traceparent)
        let began = ContinuousClock.now
        defer { handling?.decided = .now - began }
        do {
            if context.faults.isFailing(message.type) { throw Problem(.internalFault, "a fault on purpose") }
            try participant.decide(.message(message), &decision)
        } catch let error as StoreError {
            throw error
        } catch {
            let problem = error as? Problem ?? Problem(.internalFault, "\(error)")
            if problem.kind == .internalFault, arrival.isRetried { makeAnew(&participant) }
            try fail(arrival, problem)
            return
        }
        try apply(decision)
        if let record = arrival.record { try endRetrying(arrival.key, record) }
    }

    /// A decision that ended in a fault may have changed what its participant keeps in memory: it is read again.
    private mutating func makeAnew(_ participant: inout Subject) {
        do {
            var fresh = participant
            try fresh.restore(from: transaction, at: now)
            participant = fresh
        } catch {
            note(.error, "what is kept in memory could not be read again: \(error)")
        }
    }

    /// A command that no queue takes is an error at once, never silence.
    private mutating func takeReturned(_ pending: Pending, _ participant: inout Subject) throws {
        let message = pending.message
        let problem = Problem(
            .unavailable, "no queue takes messages for \(message.key); is that participant deployed?",
            members: ["retryAfter": 5])
        if message.replyTo == context.address {
            let answer = Message(
                type: Problem.messageType, id: nil, key: context.address, sender: message.key,
                asker: Caller(sub: message.key), correlationID: message.correlationID, traceparent: message.traceparent,
                body: problem.json)
            _ = try decideAlone(
                .message(answer), "the return of \(message.type)", message.traceparent, &participant)
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
        guard let state = try transaction.state(key) else { return }
        result.types.insert(report.activity.name)
        let trace = try decodeState(StoredActivity.self, state).traceparent
        let isDecided = try decideAlone(.activity(report), "activity \(report.activity.name)", trace, &participant)
        // Otherwise it is performed again at the next start, and reported once more.
        if report.isFinal, isDecided { try transaction.delete(key) }
    }

    /// Decides on what nobody waits for an answer to. False where a fault kept it from being decided on.
    private mutating func decideAlone(
        _ input: Input, _ what: String, _ traceparent: String?, _ participant: inout Subject
    ) throws -> Bool {
        var decision = makeDecision(traceparent ?? TraceContext().header)
        do {
            try participant.decide(input, &decision)
        } catch let error as StoreError {
            throw error
        } catch {
            note(.error, "\(what): \(error)")
            guard (error as? Problem)?.kind ?? .internalFault == .internalFault else { return true }
            makeAnew(&participant)
            return false
        }
        try apply(decision)
        return true
    }

    func makeDecision(_ traceparent: String?) -> Decision {
        Decision(
            now: now, address: context.address, traceparent: traceparent, store: transaction, ids: context.ids)
    }

}

/// A message that is to be handled, with all that is known of it.
struct Arrival {
    let delivery: AMQPDelivery
    let origin: Origin
    let message: Message
    let treatment: Treatment
    /// What is remembered of it, where it comes back from waiting.
    var record: RetryRecord?
    /// The line of its subject, where it has one.
    var line: WaitingLine?
    /// Its id for one that came without.
    private(set) var givenID = ""

    init(
        delivery: AMQPDelivery, origin: Origin, message: Message, treatment: Treatment, record: RetryRecord?
    ) {
        self.delivery = delivery
        self.origin = origin
        self.message = message
        self.treatment = treatment
        self.record = record
    }

    var key: InboxKey { InboxKey(sender: message.sender, messageID: message.id ?? givenID) }

    /// Gives it an id by which its copy will be known, where it has none.
    mutating func identify(by ids: IDSource) {
        if message.id == nil, givenID.isEmpty { givenID = ids.next() }
    }
}
