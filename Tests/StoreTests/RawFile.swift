import CSQLite
import Store

/// A database file opened without any of our rules, as a stranger would.
final class RawFile {
    private var handle: OpaquePointer?

    init(_ path: String) throws {
        guard sqlite3_open(path, &handle) == SQLITE_OK else { throw StoreError(.failed, "cannot open \(path)") }
    }

    deinit { close() }

    func run(_ sql: String) throws {
        guard sqlite3_exec(handle, sql, nil, nil, nil) == SQLITE_OK else {
            throw StoreError(.failed, String(cString: sqlite3_errmsg(handle)))
        }
    }

    func close() {
        sqlite3_close(handle)
        handle = nil
    }
}
