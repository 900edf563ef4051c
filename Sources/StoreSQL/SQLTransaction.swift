package import Store
package import Wire

/// The reads and writes of one transaction. The first fault ends it: every later call throws the same.
package final class SQLTransaction<Database: SQLDatabase>: StoreTransaction {
    private let database: Database
    package private(set) var fault: StoreError?

    package init(_ database: Database) { self.database = database }

    package var isForeign: Bool { database.isForeign }

    package func catchUp() { database.catchUp() }

    // MARK: States

    package func state(_ key: StateKey) throws(StoreError) -> StoredState? {
        try first(.state, [.text(key.kind), .text(key.id)]) { StoredState(row: $0) }
    }

    package func states(
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
        return try all(query, given + [.limit(limit)]) { StoredState(row: $0) }
    }

    package func save(_ state: StoredState) throws(StoreError) {
        try run(
            .saveState, [.text(state.key.kind), .text(state.key.id), .text(orNull: state.group), .blob(state.bytes)])
    }

    package func delete(_ key: StateKey) throws(StoreError) {
        try run(.deleteState, [.text(key.kind), .text(key.id)])
    }

    // MARK: Inbox

    package func inboxEntry(_ key: InboxKey) throws(StoreError) -> InboxEntry? {
        try first(.inboxEntry, [.text(key.sender), .text(key.messageID)]) { row in
            InboxEntry(
                key: key, fingerprint: row.blob(0), received: Timestamp(microseconds: row.integer(1)),
                replyTo: row.textOrNil(2), correlationID: row.textOrNil(3), answer: row.blobOrNil(4))
        }
    }

    package func save(_ entry: InboxEntry) throws(StoreError) {
        try run(
            .saveInboxEntry,
            [
                .text(entry.key.sender), .text(entry.key.messageID), .blob(entry.fingerprint),
                .integer(entry.received.microseconds), .text(orNull: entry.replyTo), .text(orNull: entry.correlationID),
                .blob(orNull: entry.answer),
            ])
    }

    package func forget(_ key: InboxKey) throws(StoreError) {
        try run(.forget, [.text(key.sender), .text(key.messageID)])
    }

    package func pruneInbox(before: Timestamp, limit: Int) throws(StoreError) -> Int {
        try run(.pruneInbox, [.integer(before.microseconds), .limit(limit)])
    }

    // MARK: Outbox

    package func append(envelope: [UInt8], body: [UInt8]) throws(StoreError) -> Int64 {
        guard let number = try first(.append, [.blob(envelope), .blob(body)], { $0.integer(0) }) else {
            throw StoreError(.failed, "the database gave an outgoing message no number; check its version")
        }
        return number
    }

    package func removeOutgoing(_ numbers: [Int64]) throws(StoreError) {
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

    package func outgoing(after: Int64, limit: Int) throws(StoreError) -> [OutboxRow] {
        try all(.outgoing, [.integer(after), .limit(limit)]) { row in
            OutboxRow(number: row.integer(0), envelope: row.blob(1), body: row.blob(2))
        }
    }

    // MARK: Timers

    package func setTimer(_ timer: StoredTimer) throws(StoreError) {
        try run(.setTimer, [.text(timer.name), .integer(timer.due.microseconds), .blob(timer.payload)])
    }

    package func cancelTimer(_ name: String) throws(StoreError) {
        try run(.cancelTimer, [.text(name)])
    }

    package func dueTimers(at now: Timestamp, limit: Int) throws(StoreError) -> [StoredTimer] {
        try all(.dueTimers, [.integer(now.microseconds), .limit(limit)]) { row in
            StoredTimer(name: row.text(0), due: Timestamp(microseconds: row.integer(1)), payload: row.blob(2))
        }
    }

    package func nextTimer() throws(StoreError) -> Timestamp? {
        try first(.nextTimer, []) { Timestamp(microseconds: $0.integer(0)) }
    }

    // MARK: Sequences

    package func nextNumber(of sequence: String) throws(StoreError) -> Int64 {
        guard let number = try first(.nextNumber, [.text(sequence)], { $0.integer(0) }) else {
            throw StoreError(.failed, "the database gave a sequence no number; check its version")
        }
        return number
    }

    // MARK: Running statements

    @discardableResult
    private func run(
        _ query: Query, _ values: [SQLValue], each: (Database.Row) -> Void = { _ in }
    ) throws(StoreError) -> Int {
        if let fault { throw fault }
        do throws(StoreError) {
            return try database.run(query, values, each: each)
        } catch {
            fault = error
            throw error
        }
    }

    private func all<Value>(
        _ query: Query, _ values: [SQLValue], _ read: (Database.Row) -> Value
    ) throws(StoreError) -> [Value] {
        var found: [Value] = []
        try run(query, values) { found.append(read($0)) }
        return found
    }

    private func first<Value>(
        _ query: Query, _ values: [SQLValue], _ read: (Database.Row) -> Value
    ) throws(StoreError) -> Value? {
        var found: Value?
        try run(query, values) { found = read($0) }
        return found
    }
}

extension StoredState {
    fileprivate init(row: some SQLRow) {
        self.init(key: StateKey(kind: row.text(0), id: row.text(1)), group: row.textOrNil(2), bytes: row.blob(3))
    }
}
