package import Store

/// An open database, confined to the thread that made it (it is not Sendable, and `DatabaseThread` keeps it).
package protocol SQLDatabase: AnyObject {
    associatedtype Row: SQLRow

    /// Runs a statement to its end, hands over each row, and returns how many rows it gave or changed.
    @discardableResult
    func run(_ query: Query, _ values: [SQLValue], each: (Row) -> Void) throws(StoreError) -> Int

    /// Runs `body` in a transaction; see `Store.transact`.
    func transact<Value>(_ body: (any StoreTransaction) throws -> Value) throws -> Value

    /// Lets go of the database. Does nothing the second time.
    func close()

    /// Whether another replica has written since this one caught up.
    var isForeign: Bool { get }

    /// The transaction that runs has caught up, once it is committed.
    func catchUp()

    /// What to wait on beside new jobs, and how long at most (milliseconds; -1: for ever); nil where nothing else can happen.
    var idle: (descriptor: Int32, limit: Int32)? { get }

    /// Called when something has come there, or the time is over.
    func attend()
}

/// A database that nobody else writes.
extension SQLDatabase {
    package var isForeign: Bool { false }
    package func catchUp() {}
    package var idle: (descriptor: Int32, limit: Int32)? { nil }
    package func attend() {}
}

/// A value for a parameter of a statement.
package enum SQLValue {
    case null
    case integer(Int64)
    case text(String)
    case blob([UInt8])

    package static func text(orNull value: String?) -> SQLValue { value.map(SQLValue.text) ?? .null }
    package static func blob(orNull value: [UInt8]?) -> SQLValue { value.map(SQLValue.blob) ?? .null }
    /// SQLite reads a negative limit as none; ours reads it as zero.
    package static func limit(_ value: Int) -> SQLValue { .integer(Int64(max(0, value))) }
}

/// A row that a statement gave, valid only while it is handed over; its columns are counted from 0.
package protocol SQLRow {
    func integer(_ column: Int32) -> Int64
    func text(_ column: Int32) -> String
    func blob(_ column: Int32) -> [UInt8]
    func isNull(_ column: Int32) -> Bool
}

extension SQLRow {
    func textOrNil(_ column: Int32) -> String? { isNull(column) ? nil : text(column) }
    func blobOrNil(_ column: Int32) -> [UInt8]? { isNull(column) ? nil : blob(column) }
}
