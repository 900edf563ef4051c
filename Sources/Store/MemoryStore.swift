internal import Synchronization
internal import Wire

/// A store that forgets everything at its end: for tests, with the same contract as those on disk.
public final class MemoryStore: Store {
    private struct Contents {
        var isClosed = false
        var states: [StateKey: StoredState] = [:]
        var inbox: [InboxKey: InboxEntry] = [:]
        var outbox: [OutboxRow] = []
        var lastNumber: Int64 = 0
        var timers: [String: StoredTimer] = [:]
        var sequences: [String: Int64] = [:]
    }

    private let contents = Mutex(Contents())

    public init() {}

    public func transact<Value: Sendable>(
        _ body: @escaping @Sendable (any StoreTransaction) throws -> Value
    ) async throws -> Value {
        try contents.withLock { contents in
            if contents.isClosed { throw StoreError(.closed, "the store is closed") }
            let transaction = Transaction(contents)
            let value = try body(transaction)
            contents = transaction.contents
            return value
        }
    }

    public func close() async {
        contents.withLock { $0.isClosed = true }
    }

    private final class Transaction: StoreTransaction {
        var contents: Contents

        init(_ contents: Contents) { self.contents = contents }

        func state(_ key: StateKey) -> StoredState? { contents.states[key] }

        func states(ofKind kind: String, group: String?, after: String?, limit: Int) -> [StoredState] {
            let wanted = contents.states.values.filter { state in
                state.key.kind == kind && (group == nil || state.group == group)
                    && (after.map { utf8Less($0, state.key.id) } ?? true)
            }
            return Array(wanted.sorted { utf8Less($0.key.id, $1.key.id) }.prefix(max(0, limit)))
        }

        func save(_ state: StoredState) { contents.states[state.key] = state }

        func delete(_ key: StateKey) { contents.states[key] = nil }

        func inboxEntry(_ key: InboxKey) -> InboxEntry? { contents.inbox[key] }

        func save(_ entry: InboxEntry) { contents.inbox[entry.key] = entry }

        func forget(_ key: InboxKey) { contents.inbox[key] = nil }

        func pruneInbox(before: Timestamp, limit: Int) -> Int {
            let old = contents.inbox.values.filter { $0.received < before }.prefix(max(0, limit))
            for entry in old { contents.inbox[entry.key] = nil }
            return old.count
        }

        func append(envelope: [UInt8], body: [UInt8]) -> Int64 {
            contents.lastNumber += 1
            contents.outbox.append(OutboxRow(number: contents.lastNumber, envelope: envelope, body: body))
            return contents.lastNumber
        }

        func removeOutgoing(_ numbers: [Int64]) {
            let gone = Set(numbers)
            contents.outbox.removeAll { gone.contains($0.number) }
        }

        func outgoing(after: Int64, limit: Int) -> [OutboxRow] {
            Array(contents.outbox.lazy.filter { $0.number > after }.prefix(max(0, limit)))
        }

        func setTimer(_ timer: StoredTimer) { contents.timers[timer.name] = timer }

        func cancelTimer(_ name: String) { contents.timers[name] = nil }

        func dueTimers(at now: Timestamp, limit: Int) -> [StoredTimer] {
            let due = contents.timers.values.filter { $0.due <= now }
            return Array(due.sorted { ($0.due, $0.name) < ($1.due, $1.name) }.prefix(max(0, limit)))
        }

        func nextTimer() -> Timestamp? { contents.timers.values.map(\.due).min() }

        func nextNumber(of sequence: String) -> Int64 {
            let next = (contents.sequences[sequence] ?? 0) + 1
            contents.sequences[sequence] = next
            return next
        }
    }
}

/// The order of ids in every store: by their UTF-8 bytes, as databases compare them.
private func utf8Less(_ left: String, _ right: String) -> Bool {
    left.utf8.lexicographicallyPrecedes(right.utf8)
}
