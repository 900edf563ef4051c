internal import Store
internal import StoreSQL

/// What one participant has on a PostgreSQL server: a schema of its own name.
final class Database: SQLDatabase {
    /// Nil once it is closed.
    private var connection: Connection?
    private var isPrepared = [Bool](repeating: false, count: Query.allCases.count)

    init(address: String, participant: String) throws(StoreError) {
        let connection = try Connection(address)
        let schema = Schema(participant)
        try schema.claim(connection)
        try schema.migrate(connection)
        self.connection = connection
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
        try connection.execute("BEGIN")
        do {
            let transaction = SQLTransaction(self)
            let value = try body(transaction)
            // A body that goes on after a fault has seen less than it believes.
            if let fault = transaction.fault { throw fault }
            try connection.execute("COMMIT")
            return value
        } catch {
            // Where the connection is lost there is nothing to take back: the server has done it.
            if connection.isInTransaction { _ = try? connection.execute("ROLLBACK") }
            throw error
        }
    }

    func run(_ query: Query, _ values: [SQLValue], each: (Row) -> Void) throws(StoreError) -> Int {
        let connection = try open
        let name = "q\(query.rawValue)"
        if !isPrepared[query.rawValue] {
            try connection.prepare(name, query.sql)
            isPrepared[query.rawValue] = true
        }
        return try connection.run(name, values, each: each)
    }
}
