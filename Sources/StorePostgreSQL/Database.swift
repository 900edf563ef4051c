internal import Store
internal import StoreSQL

/// What one participant has on a PostgreSQL server: a schema of its own name, which its replicas share.
///
/// A lock of PostgreSQL lets one transaction of them run at a time, so that each sees all before it. Another one, held as
/// long as its connection lives, makes one of them lead: the server gives it to the next when that one has gone.
final class Database: SQLDatabase {
    /// Nil once it is closed.
    private var connection: Connection?
    private let schema: Schema
    private let replica: Replica
    private var isPrepared = [Bool](repeating: false, count: Query.allCases.count)
    /// How many transactions had written when this replica looked last.
    private var known: Int64
    private(set) var isForeign = false
    private var hasWritten = false
    private var hasCaughtUp = false

    /// How often a replica that does not lead asks whether it may (milliseconds).
    private static let candidacy: Int32 = 500
    /// How often one that leads shows the server that it lives (milliseconds); see `Schema.listen`.
    private static let sign: Int32 = 10_000

    init(address: String, participant: String, replica: Replica) throws(StoreError) {
        let connection = try Connection(address)
        schema = try Schema(participant)
        self.replica = replica
        try schema.migrate(connection)
        known = try schema.changes(connection)
        try schema.listen(connection)
        self.connection = connection
        try seekToLead(connection)
    }

    func close() { connection = nil }

    private var open: Connection {
        get throws(StoreError) {
            guard let connection else { throw StoreError(.closed, "the store was closed before") }
            return connection
        }
    }

    func transact<Value>(_ body: (any StoreTransaction) throws -> Value) throws -> Value {
        let connection = try open
        let changes = try schema.begin(connection)
        isForeign = isForeign || changes != known
        hasWritten = false
        hasCaughtUp = false
        do {
            let transaction = SQLTransaction(self)
            let value = try body(transaction)
            // A body that goes on after a fault has seen less than it believes.
            if let fault = transaction.fault { throw fault }
            try schema.commit(connection, hasWritten: hasWritten, tellsLeader: !replica.leads)
            known = hasWritten ? changes + 1 : changes
            if hasCaughtUp { isForeign = false }
            // What came while the server answered wakes nobody.
            if replica.leads, connection.takeNotifications() > 0 { replica.tellNews() }
            return value
        } catch {
            // Where the connection is lost there is nothing to take back: the server has done it.
            if connection.isInTransaction { _ = try? connection.execute("ROLLBACK") }
            throw error
        }
    }

    func catchUp() { hasCaughtUp = true }

    func run(_ query: Query, _ values: [SQLValue], each: (Row) -> Void) throws(StoreError) -> Int {
        let connection = try open
        let name = "q\(query.rawValue)"
        if !isPrepared[query.rawValue] {
            try connection.prepare(name, query.sql)
            isPrepared[query.rawValue] = true
        }
        if query.isWriting { hasWritten = true }
        return try connection.run(name, values, each: each)
    }

    // MARK: Beside the transactions

    var idle: (descriptor: Int32, limit: Int32)? {
        guard let connection, connection.isOpen else { return nil }
        return (connection.descriptor, replica.leads ? Self.sign : Self.candidacy)
    }

    func attend() {
        guard let connection else { return }
        let others = connection.takeNotifications()
        // A lost connection is news too: the next transaction says it.
        if (others > 0 && replica.leads) || !connection.isOpen { replica.tellNews() }
        if replica.leads {
            _ = try? connection.execute("SELECT 1")
        } else {
            try? seekToLead(connection)
        }
    }

    private func seekToLead(_ connection: Connection) throws(StoreError) {
        guard try schema.seekToLead(connection) else { return }
        // What the one before has written is not in memory here.
        isForeign = true
        replica.lead()
    }
}
