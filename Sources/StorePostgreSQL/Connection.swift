internal import CPostgreSQL
internal import Glibc
internal import Store
internal import StoreSQL

/// A connection to a PostgreSQL server, confined to the thread that made it.
///
/// Parameters and results are binary: `bytea` and `bigint` are all that the tables have.
final class Connection {
    /// Where it goes, without a password.
    let place: String
    private let handle: OpaquePointer

    /// - Parameter address: a connection URI or string of libpq (PostgreSQL, "Connection Strings").
    init(_ address: String) throws(StoreError) {
        place = Connection.withoutPassword(address)
        guard !address.utf8.contains(0) else {
            throw StoreError(.notAccessible, "the address of the PostgreSQL server holds a zero byte")
        }
        // What stands first is a default: the address comes last and wins.
        let given = [
            ("connect_timeout", "10"), ("tcp_user_timeout", "20000"), ("application_name", "execbus"),
            ("client_encoding", "UTF8"), ("dbname", address),
        ]
        guard let handle = Connection.open(given) else {
            throw StoreError(.failed, "\(place): there is no memory for a connection")
        }
        self.handle = handle
        // From here on `deinit` lets it go, also where this throws.
        guard PQstatus(handle) == CONNECTION_OK else {
            throw StoreError(unreachable: place, detail: Connection.words(of: handle))
        }
        PQsetNoticeProcessor(handle, ignoreNotice, nil)
    }

    deinit { PQfinish(handle) }

    private static func open(_ given: [(String, String)]) -> OpaquePointer? {
        let copies = given.map { (strdup($0.0), strdup($0.1)) }
        defer {
            for copy in copies {
                free(copy.0)
                free(copy.1)
            }
        }
        let keywords = copies.map { $0.0.map { UnsafePointer($0) } } + [nil]
        let values = copies.map { $0.1.map { UnsafePointer($0) } } + [nil]
        return PQconnectdbParams(keywords, values, 1)
    }

    // MARK: Statements

    /// Runs statements without parameters; what they give is thrown away, except the first field of the last, if a number.
    @discardableResult
    func execute(_ sql: String) throws(StoreError) -> String? {
        let result = PQexec(handle, sql)
        defer { PQclear(result) }
        try check(result)
        guard PQntuples(result) > 0, let text = PQgetvalue(result, 0, 0) else { return nil }
        return String(cString: text)
    }

    /// The number that statements give.
    func number(_ sql: String) throws(StoreError) -> Int64 {
        guard let number = try execute(sql).flatMap({ Int64($0) }) else {
            throw StoreError(.damaged, "\(place): a number is missing; restore the schema from a copy")
        }
        return number
    }

    /// Has the server keep a statement under a name.
    func prepare(_ name: String, _ sql: String) throws(StoreError) {
        let result = PQprepare(handle, name, sql, 0, nil)
        defer { PQclear(result) }
        try check(result)
    }

    /// Runs a kept statement, hands over each row, and returns how many there were, or how many it changed.
    func run(_ name: String, _ values: [SQLValue], each: (Row) -> Void) throws(StoreError) -> Int {
        let parameters = Parameters(values)
        let result = parameters.withPointers { pointers, lengths, formats in
            PQexecPrepared(handle, name, Int32(values.count), pointers, lengths, formats, 1)
        }
        defer { PQclear(result) }
        try check(result)
        guard PQresultStatus(result) == PGRES_TUPLES_OK else {
            return PQcmdTuples(result).flatMap { Int(String(cString: $0)) } ?? 0
        }
        let count = PQntuples(result)
        for index in 0..<count { each(Row(result: result, index: index)) }
        return Int(count)
    }

    /// Whether a transaction is open, or has failed and waits for its end.
    var isInTransaction: Bool { PQtransactionStatus(handle) != PQTRANS_IDLE }

    /// Whether the connection is there, as far as is known.
    var isOpen: Bool { PQstatus(handle) == CONNECTION_OK }

    /// What becomes readable when the server has something to say.
    var descriptor: Int32 { PQsocket(handle) }

    /// Reads what the server says unasked, and counts what other connections have notified.
    func takeNotifications() -> Int {
        PQconsumeInput(handle)
        var count = 0
        while let notification = PQnotifies(handle) {
            if notification.pointee.be_pid != PQbackendPID(handle) { count += 1 }
            PQfreemem(notification)
        }
        return count
    }

    private func check(_ result: OpaquePointer?) throws(StoreError) {
        switch PQresultStatus(result) {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK: return
        default: break
        }
        let state = execbus_sqlstate(result).map { String(cString: $0) }
        let detail = Connection.firstLine(PQresultErrorMessage(result)) ?? Connection.words(of: handle)
        guard PQstatus(handle) == CONNECTION_OK else { throw StoreError(unreachable: place, detail: detail) }
        throw StoreError(place: place, state: state ?? "", detail: detail)
    }

    private static func words(of handle: OpaquePointer) -> String {
        firstLine(PQerrorMessage(handle)) ?? "it gave no reason"
    }

    private static func firstLine(_ text: UnsafePointer<CChar>?) -> String? {
        guard let text else { return nil }
        return String(cString: text).split(separator: "\n").first.map(String.init)
    }

    /// An address as messages may show it. What cannot be taken apart is not shown at all.
    private static func withoutPassword(_ address: String) -> String {
        guard let start = address.firstRange(of: "://") else { return "PostgreSQL" }
        let rest = address[start.upperBound...]
        let end = rest.firstIndex { $0 == "?" } ?? rest.endIndex
        let place = rest[..<end]
        return "postgresql://" + (place.lastIndex(of: "@").map { place[place.index(after: $0)...] } ?? place)
    }
}

/// The parameters of a statement, each a piece of one buffer.
private struct Parameters {
    private var bytes: [UInt8] = []
    /// Where each begins; nil is NULL.
    private var starts: [Int?] = []
    private var lengths: [Int32] = []

    init(_ values: [SQLValue]) {
        for value in values {
            let start = bytes.count
            switch value {
            case .null:
                starts.append(nil)
                lengths.append(0)
                continue
            case .integer(let number): withUnsafeBytes(of: number.bigEndian) { bytes += $0 }
            case .text(let text): bytes += text.utf8
            case .blob(let blob): bytes += blob
            }
            starts.append(start)
            lengths.append(Int32(clamping: bytes.count - start))
        }
        // An empty value at the end needs an address as well: without one it would be NULL.
        bytes.append(0)
    }

    func withPointers<Result>(
        _ body: ([UnsafePointer<CChar>?], [Int32], [Int32]) -> Result
    ) -> Result {
        bytes.withUnsafeBytes { buffer in
            let base = buffer.assumingMemoryBound(to: CChar.self).baseAddress
            let pointers = starts.map { start in start.flatMap { base?.advanced(by: $0) } }
            return body(pointers, lengths, [Int32](repeating: 1, count: lengths.count))
        }
    }
}

/// A row of a result, valid until the result is cleared.
struct Row: SQLRow {
    fileprivate let result: OpaquePointer?
    fileprivate let index: Int32

    func integer(_ column: Int32) -> Int64 {
        bytes(column).reduce(0) { $0 << 8 | Int64($1) }
    }

    func text(_ column: Int32) -> String { String(decoding: bytes(column), as: UTF8.self) }

    func blob(_ column: Int32) -> [UInt8] { Array(bytes(column)) }

    func isNull(_ column: Int32) -> Bool { PQgetisnull(result, index, column) != 0 }

    private func bytes(_ column: Int32) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(
            start: PQgetvalue(result, index, column), count: Int(PQgetlength(result, index, column)))
    }
}

private func ignoreNotice(_: UnsafeMutableRawPointer?, _: UnsafePointer<CChar>?) {}
