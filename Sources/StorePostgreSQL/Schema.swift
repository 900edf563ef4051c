internal import Store

/// The schema of a participant, and its tables as numbered steps from nothing to the newest form. A step that was
/// released is never edited.
struct Schema {
    private let name: String

    /// - Parameter participant: the address of the participant, such as `execution-broker.ral`.
    init(_ participant: String) throws(StoreError) {
        // PostgreSQL cuts longer names off (NAMEDATALEN), and two might become one.
        guard (1...63).contains(participant.utf8.count), !participant.utf8.contains(0) else {
            throw StoreError(.notAccessible, "\(participant) is no name for a schema: 1 to 63 bytes")
        }
        name = participant
    }

    private var identifier: String { "\"" + name.replacing("\"", with: "\"\"") + "\"" }
    private var literal: String { "'" + name.replacing("'", with: "''") + "'" }
    /// A number for advisory locks, which are numbers. `purpose` keeps locks of one participant apart.
    private func key(_ purpose: String) -> String { "hashtextextended('execbus/\(purpose)/' || \(literal), 0)" }

    /// The step that ends at version n is number n − 1. Ids and names are bytes: PostgreSQL's text can hold no zero
    /// byte, which a sender may put into an id, and bytes are ordered as the contract of the store says.
    static let steps: [String] = [
        """
        CREATE TABLE state (
            kind bytea NOT NULL, id bytea NOT NULL, "group" bytea, bytes bytea NOT NULL, PRIMARY KEY (kind, id));
        CREATE INDEX state_by_group ON state (kind, "group", id) WHERE "group" IS NOT NULL;
        CREATE TABLE inbox (
            sender bytea NOT NULL, message_id bytea NOT NULL, fingerprint bytea NOT NULL, received bigint NOT NULL,
            reply_to bytea, correlation_id bytea, answer bytea, PRIMARY KEY (sender, message_id));
        CREATE INDEX inbox_by_age ON inbox (received);
        CREATE TABLE outbox (
            number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, envelope bytea NOT NULL, body bytea NOT NULL);
        CREATE TABLE timer (name bytea PRIMARY KEY, due bigint NOT NULL, payload bytea NOT NULL);
        CREATE INDEX timer_by_due ON timer (due, name);
        CREATE TABLE sequence (name bytea PRIMARY KEY, last bigint NOT NULL);
        """,
        // Replicas see by it that another one has written.
        "CREATE TABLE change (number bigint NOT NULL); INSERT INTO change VALUES (0);",
    ]

    /// Begins a transaction as the only one of all replicas, and says how many before it have written.
    func begin(_ connection: Connection) throws(StoreError) -> Int64 {
        try connection.number(
            "BEGIN; SELECT pg_advisory_xact_lock(\(key("turn"))); SELECT number FROM change")
    }

    func commit(_ connection: Connection, hasWritten: Bool, tellsLeader: Bool) throws(StoreError) {
        guard hasWritten else {
            try connection.execute("COMMIT")
            return
        }
        let notice = tellsLeader ? "NOTIFY \(identifier);" : ""
        try connection.execute("UPDATE change SET number = number + 1; \(notice) COMMIT")
    }

    /// How many transactions have written.
    func changes(_ connection: Connection) throws(StoreError) -> Int64 {
        try connection.number("SELECT number FROM change")
    }

    /// Has the server tell this connection when a replica that does not lead has written, and end it when nothing comes from
    /// it for a while: a process that is frozen neither leads nor holds up the others.
    func listen(_ connection: Connection) throws(StoreError) {
        try connection.execute("SET idle_session_timeout = '30s'; SET idle_in_transaction_session_timeout = '30s'")
        try connection.execute("LISTEN \(identifier)")
    }

    /// Whether this connection leads from now on, because no other does.
    func seekToLead(_ connection: Connection) throws(StoreError) -> Bool {
        try connection.execute("SELECT pg_try_advisory_lock(\(key("leader")))") == "t"
    }

    /// Makes the schema and brings it up to date, one replica at a time and all of it or nothing.
    func migrate(_ connection: Connection) throws(StoreError) {
        try connection.execute("SET synchronous_commit = on; SET search_path TO \(identifier)")
        try connection.execute("BEGIN; SELECT pg_advisory_xact_lock(\(key("turn")))")
        if try connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = \(literal)") == nil {
            try connection.execute("CREATE SCHEMA \(identifier)")
        }
        try connection.execute("CREATE TABLE IF NOT EXISTS version (number int NOT NULL)")
        let text = try connection.execute("SELECT number FROM version")
        let version = text.flatMap { Int($0) } ?? 0
        guard version <= Schema.steps.count else {
            throw StoreError(
                .tooNew,
                "\(name) at \(connection.place) was written by a newer version (\(version), known here "
                    + "\(Schema.steps.count)): update this program, or give it another database")
        }
        for step in Schema.steps.dropFirst(max(0, version)) { try connection.execute(step) }
        try connection.execute(
            "DELETE FROM version; INSERT INTO version VALUES (\(Schema.steps.count)); COMMIT")
    }
}
