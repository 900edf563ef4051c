internal import Store
internal import Wire

// What the bus itself remembers of single messages does not stay for ever: each has a timer, at which it is forgotten.
extension Batch {
    /// Begins the names of the bus's own timers; participants name none so.
    private static var prefix: String { "bus.forget " }

    /// Has a state of the bus forgotten after as long as answers are remembered, from now on.
    func forgetLater(_ key: StateKey) throws {
        let timer = StoredTimer(name: Self.name(key), due: now + context.memory, payload: Array(key.id.utf8))
        try transaction.setTimer(timer)
    }

    /// Forgets a state of the bus.
    func forget(_ key: StateKey) throws {
        try transaction.delete(key)
        try transaction.cancelTimer(Self.name(key))
    }

    /// Whether a timer is the bus's own; then what it is about is forgotten.
    mutating func isForgotten(_ timer: StoredTimer) throws -> Bool {
        guard timer.name.hasPrefix(Self.prefix) else { return false }
        let kind = String(timer.name.dropFirst(Self.prefix.count).prefix { $0 != " " })
        let key = StateKey(kind: kind, id: String(decoding: timer.payload, as: UTF8.self))
        if kind == RetryRecord.kind, let state = try transaction.state(key) {
            let record = try decodeState(RetryRecord.self, state)
            if let place = record.place { try WaitingLine(name: place.line, in: transaction).leave(place) }
            if !record.isParked { note(.warning, "message \(key.id) did not come back from waiting by \(record.due)") }
        }
        try transaction.delete(key)
        return true
    }

    private static func name(_ key: StateKey) -> String { "\(prefix)\(key.kind) \(key.id)" }
}
