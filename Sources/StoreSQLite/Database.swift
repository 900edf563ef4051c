internal import CSQLite
internal import Glibc
internal import Store
internal import StoreSQL

/// An open SQLite file, confined to the thread that made it (it is not Sendable, and `DatabaseThread` keeps it).
final class Database: SQLDatabase {
    let path: String
    private var handle: OpaquePointer?
    private var statements: [Statement?] = Array(repeating: nil, count: Query.allCases.count)
    /// Given back last, when the file is closed.
    private var lock: FileLock?

    init(path: String, maximumPages: Int? = nil) throws(StoreError) {
        self.path = path
        if path.isEmpty || path.utf8.contains(0) {
            throw StoreError(.notAccessible, "\"\(path)\" is no name for a file: give the store another one")
        }
        // "./" keeps SQLite from giving a meaning of its own to names such as ":memory:".
        let file = path.hasPrefix("/") ? path : "./" + path
        lock = try FileLock(for: path)
        try Database.makeFile(file)
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
        let result = sqlite3_open_v2(file, &handle, flags, nil)
        guard result == SQLITE_OK else {
            let error = fault(result)
            close()
            throw error
        }
        do throws(StoreError) {
            try prepareFile(maximumPages)
        } catch {
            close()
            throw error
        }
    }

    deinit { close() }

    /// Closes the file; its write-ahead log is merged into it. Does nothing the second time.
    func close() {
        statements = []
        sqlite3_close_v2(handle)
        handle = nil
        lock = nil
    }

    /// Makes the file if need be, for its owner alone. SQLite gives its log the same permissions.
    private static func makeFile(_ file: String) throws(StoreError) {
        let descriptor = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        if descriptor < 0 { throw StoreError(file: file, systemError: errno) }
        Glibc.close(descriptor)
    }

    private func prepareFile(_ maximumPages: Int?) throws(StoreError) {
        // Exclusive before the first read: then the index of the log lies in memory, and no second file is shared.
        try execute("PRAGMA locking_mode = EXCLUSIVE")
        try execute("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY")
        try Schema.check(self)
        guard try text("PRAGMA journal_mode = WAL") == "wal" else {
            throw StoreError(.failed, "\(path): this file system has no write-ahead log; put the store on a local disk")
        }
        // FULL, not NORMAL: a commit that was acknowledged must survive the loss of power.
        try execute("PRAGMA synchronous = FULL; PRAGMA journal_size_limit = \(16 << 20)")
        try Schema.migrate(self)
        if let maximumPages { try execute("PRAGMA max_page_count = \(maximumPages)") }
    }

    // MARK: Transactions

    /// Runs `body` in a transaction; see `Store.transact`.
    func transact<Value>(_ body: (any StoreTransaction) throws -> Value) throws -> Value {
        try execute("BEGIN IMMEDIATE")
        do {
            let transaction = SQLTransaction(self)
            let value = try body(transaction)
            // A body that goes on after a fault has seen less than it believes.
            if let fault = transaction.fault { throw fault }
            try execute("COMMIT")
            return value
        } catch {
            rollBack()
            throw error
        }
    }

    private func rollBack() {
        // After some faults (a full disk) SQLite has rolled back by itself.
        guard let handle, sqlite3_get_autocommit(handle) == 0 else { return }
        sqlite3_exec(handle, "ROLLBACK", nil, nil, nil)
    }

    // MARK: Statements

    func run(_ query: Query, _ values: [SQLValue], each: (Row) -> Void) throws(StoreError) -> Int {
        let statement: Statement
        if let kept = statements[query.rawValue] {
            statement = kept
        } else {
            statement = try prepare(query.sql)
            statements[query.rawValue] = statement
        }
        return try run(statement, values, each: each)
    }

    @discardableResult
    private func run(
        _ statement: Statement, _ values: [SQLValue], each: (Row) -> Void
    ) throws(StoreError) -> Int {
        // Bound values are let go too, so that a large body does not stay in memory.
        defer {
            sqlite3_reset(statement.handle)
            sqlite3_clear_bindings(statement.handle)
        }
        for (index, value) in values.enumerated() {
            let result = statement.bind(value, to: Int32(index + 1))
            guard result == SQLITE_OK else { throw fault(result) }
        }
        var count = 0
        while true {
            switch sqlite3_step(statement.handle) {
            case SQLITE_ROW:
                each(Row(statement))
                count += 1
            case SQLITE_DONE:
                let isReading = count > 0 || sqlite3_stmt_readonly(statement.handle) != 0
                return isReading ? count : Int(sqlite3_changes64(handle))
            case let result: throw fault(result)
            }
        }
    }

    private func prepare(_ sql: String) throws(StoreError) -> Statement {
        var statement: OpaquePointer?
        let result = sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil)
        guard result == SQLITE_OK, let statement else { throw fault(result) }
        return Statement(statement)
    }

    /// Runs statements that give no rows and are not kept.
    func execute(_ sql: String) throws(StoreError) {
        let result = sqlite3_exec(handle, sql, nil, nil, nil)
        guard result == SQLITE_OK else {
            let error = fault(result)
            rollBack()
            throw error
        }
    }

    /// The number that a statement answers, or 0.
    func integer(_ sql: String) throws(StoreError) -> Int64 {
        var answer: Int64 = 0
        try run(try prepare(sql), []) { answer = $0.integer(0) }
        return answer
    }

    /// The text that a statement answers; several rows are put under each other.
    func text(_ sql: String, column: Int32 = 0, _ values: [SQLValue] = []) throws(StoreError) -> String {
        var answer: [String] = []
        try run(try prepare(sql), values) { answer.append($0.text(column)) }
        return answer.joined(separator: "\n")
    }

    private func fault(_ result: Int32) -> StoreError {
        StoreError(
            path: path, result: result, systemError: sqlite3_system_errno(handle),
            detail: String(cString: sqlite3_errmsg(handle)))
    }
}
