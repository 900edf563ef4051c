internal import AMQP
internal import Digests
internal import Store
internal import Wire

/// A mark on a message that was delivered again and again: how often its worker ended while it was handled alone.
///
/// It is written and committed before the message is handled, and taken away with what comes of it. So it counts those
/// messages only that were being handled, and none of those that were merely waiting beside them.
struct SuspectMark: Codable {
    static let kind = "bus.suspect"

    var kills: Int64
    var since: Timestamp

    /// Whose mark it is. Nothing of the message is read but its properties: reading it may be what ends the worker.
    static func key(of delivery: AMQPDelivery, _ origin: Origin) -> StateKey {
        let id =
            delivery.properties.messageID.map { joined(origin.sender, $0) }
            ?? joined(origin.sender, "", SHA256.digest(of: delivery.body).hexadecimal)
        return StateKey(kind: kind, id: id)
    }
}

extension AMQPDelivery {
    /// Whether it was delivered so often without an end that it may be what ends the worker.
    func isSuspect(after limit: Int64) -> Bool { number("x-delivery-count") ?? 0 >= limit }
}

extension Batch {
    /// Whether a suspect is handled once more, then alone; it is marked first. Otherwise it is parked, and who waits for an
    /// answer is told.
    mutating func judge(_ delivery: AMQPDelivery) throws -> Bool {
        let origin = Origin(delivery, at: context.address)
        let key = SuspectMark.key(of: delivery, origin)
        var mark =
            try transaction.state(key).map { try decodeState(SuspectMark.self, $0) }
            ?? SuspectMark(kills: 0, since: now)
        guard mark.kills < context.killLimit else {
            try forget(key)
            try observe(delivery) { try $0.convict(delivery, origin, $1, kills: mark.kills) }
            return false
        }
        mark.kills += 1
        try transaction.save(StoredState(key: key, bytes: try encodeState(mark)))
        try forgetLater(key)
        return true
    }

    /// Takes the last mark back: the worker did not end because of the message.
    func acquit(_ key: StateKey) throws {
        guard let state = try transaction.state(key) else { return }
        var mark = try decodeState(SuspectMark.self, state)
        mark.kills -= 1
        try transaction.save(StoredState(key: key, bytes: try encodeState(mark)))
    }

    private mutating func convict(
        _ delivery: AMQPDelivery, _ origin: Origin, _ trace: TraceContext, kills: Int64
    ) throws {
        let problem = Problem(.internalFault, "its worker ended \(kills) times while handling it")
        result.types.insert(delivery.properties.type ?? "")
        let id = delivery.properties.messageID
        let treatment = delivery.properties.type.flatMap { context.intake.accepts[$0] }
        let request = context.intake.request(delivery, origin, trace, id: id, isRemembered: treatment == .command)
        if mayAnswer(treatment, origin) {
            try answer(request, with: problem.withoutInside(of: context.address))
        }
        let counted = RetryRecord(attempts: kills, due: now)
        guard let id else { return try park(delivery, origin, counted, problem) }
        let key = InboxKey(sender: origin.sender, messageID: id)
        var record = try recordOfWaiting(key) ?? RetryRecord(due: now)
        record.attempts += kills
        try parkForGood(delivery, origin, key, record, problem)
    }
}
