internal import Store
internal import Wire

// What a decision collected is written.
extension Batch {
    mutating func apply(_ decision: Decision) throws {
        for (key, state) in decision.states {
            if let state { try transaction.save(state) } else { try transaction.delete(key) }
        }
        for answer in decision.answers { try apply(answer) }
        for message in decision.outgoing { try send(message) }
        for (name, timer) in decision.timers {
            if let timer { try transaction.setTimer(timer) } else { try transaction.cancelTimer(name) }
        }
        for command in decision.activities { try apply(command, decision.traceparent) }
    }

    private mutating func apply(_ command: Decision.ActivityCommand, _ traceparent: String?) throws {
        switch command {
        case .start(let activity):
            let stored = StoredActivity(
                activity: activity, order: try transaction.nextNumber(of: "activities"), isCancelled: false,
                traceparent: traceparent)
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

    mutating func send(_ message: Outgoing) throws {
        var message = message
        if message.isNumbered, message.sequence == nil, let subject = message.subject {
            message.sequence = try transaction.nextNumber(of: "\(message.exchange.rawValue)/\(subject)")
        }
        let number = try transaction.append(envelope: encodeState(message), body: message.body)
        result.outgoing.append(Pending(number: number, message: message))
        result.types.insert(message.type)
    }
}

/// An activity as it is stored, so that it is performed again after a crash.
struct StoredActivity: Codable {
    static let kind = "bus.activity"

    let activity: Activity
    let order: Int64
    var isCancelled: Bool
    /// The trace of the message that led to it; what it reports belongs to it as well.
    var traceparent: String?

    func state() throws -> StoredState {
        StoredState(
            key: StateKey(kind: Self.kind, id: activity.id), group: activity.lane, bytes: try encodeState(self))
    }
}

extension StoreTransaction {
    /// What is written after a message and waits to be published.
    func pending(after number: Int64) throws -> [Pending] {
        try outgoing(after: number, limit: .max).map {
            Pending(number: $0.number, message: try decodeOutgoing(envelope: $0.envelope, body: $0.body))
        }
    }
}

/// Reads a message of the outbox.
func decodeOutgoing(envelope: [UInt8], body: [UInt8]) throws -> Outgoing {
    let key = StateKey(kind: "outgoing message", id: "")
    var message = try decodeState(Outgoing.self, StoredState(key: key, bytes: envelope))
    message.body = body
    return message
}
