internal import Store
internal import Wire

/// The reads and writes of one transaction. The first fault ends it: every later call throws the same.
final class SQLiteTransaction: StoreTransaction {
    private let database: Database
    private(set) var fault: StoreError?

    init(_ database: Database) { self.database = database }

    // MARK: States

    func state(_ key: StateKey) throws(StoreError) -> StoredState? {
        try first(.state, [.text(key.kind), .text(key.id)], StoredState.init(row:))
    }

    func states(
        ofKind kind: String, group: String?, after: String?, limit: Int
    ) throws(StoreError) -> [StoredState] {
        let query: Query
        switch (group, after) {
        case (nil, nil): query = .states
        case (nil, _?): query = .statesAfter
        case (_?, nil): query = .statesOfGroup
        case (_?, _?): query = .statesOfGroupAfter
        }
        let given = [kind, group, after].compactMap { $0 }.map(SQLValue.text)
        return try all(query, given + [.limit(limit)], StoredState.init(row:))
    }

    func save(_ state: StoredState) throws(StoreError) {
        try run(
            .saveState, [.text(state.key.kind), .text(state.key.id), .text(orNull: state.group), .blob(state.bytes)])
    }

    func delete(_ key: StateKey) throws(StoreError) {
        try run(.deleteState, [.text(key.kind), .text(key.id)])
    }

    // MARK: Inbox

    func inboxEntry(_ key: InboxKey) throws(StoreError) -> InboxEntry? {
        try first(.inboxEntry, [.text(key.sender), .text(key.messageID)]) { row in
            InboxEntry(
                key: key, fingerprint: row.blob(0), received: Timestamp(microseconds: row.integer(1)),
                replyTo: row.textOrNil(2), correlationID: row.textOrNil(3), answer: row.blobOrNil(4))
        }
    }

    func save(_ entry: InboxEntry) throws(StoreError) {
        try run(
            .saveInboxEntry,
            [
                .text(entry.key.sender), .text(entry.key.messageID), .blob(entry.fingerprint),
                .integer(entry.received.microseconds), .text(orNull: entry.replyTo), .text(orNull: entry.correlationID),
                .blob(orNull: entry.answer),
            ])
    }

    func forget(_ key: InboxKey) throws(StoreError) {
        try run(.forget, [.text(key.sender), .text(key.messageID)])
    }

    func pruneInbox(before: Timestamp, limit: Int) throws(StoreError) -> Int {
        try run(.pruneInbox, [.integer(before.microseconds), .limit(limit)])
        return database.changes
    }

    // MARK: Outbox

    func append(envelope: [UInt8], body: [UInt8]) throws(StoreError) -> Int64 {
        try run(.append, [.blob(envelope), .blob(body)])
        return database.lastRow
    }

    func removeOutgoing(_ numbers: [Int64]) throws(StoreError) {
        // They nearly always follow each other: a batch then costs one statement.
        var run: ClosedRange<Int64>?
        for number in numbers.sorted() {
            if let current = run {
                if number - current.upperBound <= 1 {
                    run = current.lowerBound...number
                    continue
                }
                try remove(current)
            }
            run = number...number
        }
        if let run { try remove(run) }
    }

    private func remove(_ numbers: ClosedRange<Int64>) throws(StoreError) {
        try run(.removeOutgoing, [.integer(numbers.lowerBound), .integer(numbers.upperBound)])
    }

    func outgoing(after: Int64, limit: Int) throws(StoreError) -> [OutboxRow] {
        try all(.outgoing, [.integer(after), .limit(limit)]) { row in
            OutboxRow(number: row.integer(0), envelope: row.blob(1), body: row.blob(2))
        }
    }

    // MARK: Timers

    func setTimer(_ timer: StoredTimer) throws(StoreError) {
        try run(.setTimer, [.text(timer.name), .integer(timer.due.microseconds), .blob(timer.payload)])
    }

    func cancelTimer(_ name: String) throws(StoreError) {
        try run(.cancelTimer, [.text(name)])
    }

    func dueTimers(at now: Timestamp, limit: Int) throws(StoreError) -> [StoredTimer] {
        try all(.dueTimers, [.integer(now.microseconds), .limit(limit)]) { row in
            StoredTimer(name: row.text(0), due: Timestamp(microseconds: row.integer(1)), payload: row.blob(2))
        }
    }

    func nextTimer() throws(StoreError) -> Timestamp? {
        try first(.nextTimer, []) { Timestamp(microseconds: $0.integer(0)) }
    }

    // MARK: Sequences

    func nextNumber(of sequence: String) throws(StoreError) -> Int64 {
        guard let number = try first(.nextNumber, [.text(sequence)], { $0.integer(0) }) else {
            throw StoreError(.failed, "\(database.path): SQLite gave no number; check its version")
        }
        return number
    }

    // MARK: Running statements

    private func run(
        _ query: Query, _ values: [SQLValue], each: (borrowing Row) -> Void = { _ in }
    ) throws(StoreError) {
        if let fault { throw fault }
        do throws(StoreError) {
            try database.run(query, values, each: each)
        } catch {
            fault = error
            throw error
        }
    }

    private func all<Value>(
        _ query: Query, _ values: [SQLValue], _ read: (borrowing Row) -> Value
    ) throws(StoreError) -> [Value] {
        var found: [Value] = []
        try run(query, values) { found.append(read($0)) }
        return found
    }

    private func first<Value>(
        _ query: Query, _ values: [SQLValue], _ read: (borrowing Row) -> Value
    ) throws(StoreError) -> Value? {
        var found: Value?
        try run(query, values) { found = read($0) }
        return found
    }
}

extension StoredState {
    fileprivate init(row: borrowing Row) {
        self.init(key: StateKey(kind: row.text(0), id: row.text(1)), group: row.textOrNil(2), bytes: row.blob(3))
    }
}
