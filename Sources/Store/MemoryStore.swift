internal import Synchronization
internal import Wire

/// A store that forgets everything at its end: for tests, with the same contract as those on disk.
public final class MemoryStore: Store {
    fileprivate struct Contents {
        var states: [StateKey: StoredState] = [:]
        var inbox: [InboxKey: InboxEntry] = [:]
        var outbox: [Int64: OutboxRow] = [:]
        var lastNumber: Int64 = 0
        var timers: [ExactText: StoredTimer] = [:]
        var sequences: [ExactText: Int64] = [:]
    }

    /// Nil once the store is closed.
    private let contents = Mutex<Contents?>(Contents())

    public init() {}

    public func transact<Value: Sendable>(
        _ body: @escaping @Sendable (any StoreTransaction) throws -> Value
    ) async throws -> Value {
        try contents.withLock { contents in
            guard let taken = contents.take() else { throw StoreError(.closed, "the store is closed") }
            let transaction = Transaction(taken)
            defer { contents = transaction.contents }
            do {
                return try body(transaction)
            } catch {
                transaction.undo()
                throw error
            }
        }
    }

    public func close() async {
        contents.withLock { $0 = nil }
    }
}

/// Works on the contents in place and notes how to take each step back: a copy for each transaction would cost as much as
/// everything that the store holds.
private final class Transaction: StoreTransaction {
    fileprivate var contents: MemoryStore.Contents
    private var steps: [(inout MemoryStore.Contents) -> Void] = []

    init(_ contents: consuming MemoryStore.Contents) { self.contents = contents }

    func undo() {
        for step in steps.reversed() { step(&contents) }
        steps = []
    }

    private func set<Key, Value>(
        _ table: WritableKeyPath<MemoryStore.Contents, [Key: Value]>, _ key: Key, _ new: Value?
    ) {
        let old = contents[keyPath: table][key]
        steps.append { $0[keyPath: table][key] = old }
        contents[keyPath: table][key] = new
    }

    func state(_ key: StateKey) -> StoredState? { contents.states[key] }

    func states(ofKind kind: String, group: String?, after: String?, limit: Int) -> [StoredState] {
        let wanted = contents.states.values.filter { state in
            state.key.kind.isExactly(kind)
                && (group.map { state.group?.isExactly($0) ?? false } ?? true)
                && (after.map { ExactText($0) < ExactText(state.key.id) } ?? true)
        }
        return Array(wanted.sorted { ExactText($0.key.id) < ExactText($1.key.id) }.prefix(max(0, limit)))
    }

    func save(_ state: StoredState) { set(\.states, state.key, state) }

    func delete(_ key: StateKey) { set(\.states, key, nil) }

    func inboxEntry(_ key: InboxKey) -> InboxEntry? { contents.inbox[key] }

    func save(_ entry: InboxEntry) { set(\.inbox, entry.key, entry) }

    func forget(_ key: InboxKey) { set(\.inbox, key, nil) }

    func pruneInbox(before: Timestamp, limit: Int) -> Int {
        let old = contents.inbox.values.filter { $0.received < before }.sorted { $0.received < $1.received }
        let gone = old.prefix(max(0, limit))
        for entry in gone { set(\.inbox, entry.key, nil) }
        return gone.count
    }

    func append(envelope: [UInt8], body: [UInt8]) -> Int64 {
        let number = contents.lastNumber + 1
        contents.lastNumber = number
        steps.append { $0.lastNumber = number - 1 }
        set(\.outbox, number, OutboxRow(number: number, envelope: envelope, body: body))
        return number
    }

    func removeOutgoing(_ numbers: [Int64]) {
        for number in numbers { set(\.outbox, number, nil) }
    }

    func outgoing(after: Int64, limit: Int) -> [OutboxRow] {
        let numbers = contents.outbox.keys.filter { $0 > after }.sorted().prefix(max(0, limit))
        return numbers.compactMap { contents.outbox[$0] }
    }

    func setTimer(_ timer: StoredTimer) { set(\.timers, ExactText(timer.name), timer) }

    func cancelTimer(_ name: String) { set(\.timers, ExactText(name), nil) }

    func dueTimers(at now: Timestamp, limit: Int) -> [StoredTimer] {
        let due = contents.timers.values.filter { $0.due <= now }
        let sorted = due.sorted { ($0.due, ExactText($0.name)) < ($1.due, ExactText($1.name)) }
        return Array(sorted.prefix(max(0, limit)))
    }

    func nextTimer() -> Timestamp? { contents.timers.values.map(\.due).min() }

    func nextNumber(of sequence: String) -> Int64 {
        let next = (contents.sequences[ExactText(sequence)] ?? 0) + 1
        set(\.sequences, ExactText(sequence), next)
        return next
    }
}
