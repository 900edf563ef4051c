internal import CSQLite
internal import StoreSQL

/// A prepared statement, finalised at its end. Like its database, it never leaves the thread that made it.
final class Statement {
    let handle: OpaquePointer

    init(_ handle: OpaquePointer) { self.handle = handle }

    deinit { sqlite3_finalize(handle) }

    /// Gives a value to parameter `index`, counted from 1; returns SQLite's result.
    func bind(_ value: SQLValue, to index: Int32) -> Int32 {
        switch value {
        case .null: return sqlite3_bind_null(handle, index)
        case .integer(let number): return sqlite3_bind_int64(handle, index, number)
        case .text(var text):
            return text.withUTF8 { bytes in
                bytes.withMemoryRebound(to: CChar.self) {
                    execbus_bind_text(handle, index, $0.baseAddress, UInt64($0.count))
                }
            }
        case .blob(let bytes):
            return bytes.withUnsafeBytes { execbus_bind_blob(handle, index, $0.baseAddress, UInt64($0.count)) }
        }
    }
}

/// The row at which a statement stands, valid until its next step.
struct Row: SQLRow {
    private let handle: OpaquePointer

    init(_ statement: Statement) { handle = statement.handle }

    func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }

    func text(_ column: Int32) -> String {
        String(decoding: bytes(sqlite3_column_text(handle, column), column), as: UTF8.self)
    }

    func blob(_ column: Int32) -> [UInt8] { Array(bytes(sqlite3_column_blob(handle, column), column)) }

    func isNull(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_NULL }

    private func bytes(_ start: UnsafeRawPointer?, _ column: Int32) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : Int(sqlite3_column_bytes(handle, column)))
    }
}
