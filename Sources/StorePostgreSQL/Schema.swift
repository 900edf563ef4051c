internal import Store

/// The schema of a participant, and its tables as numbered steps from nothing to the newest form. A step that was
/// released is never edited.
struct Schema {
    private let name: String

    /// - Parameter participant: the address of the participant, such as `execution-broker.ral`.
    init(_ participant: String) { name = participant }

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
        """
    ]

    /// Claims the schema for this connection until its end, so that two workers cannot believe that they are the one.
    /// The server may need a moment to notice the end of the one before.
    func claim(_ connection: Connection) throws(StoreError) {
        do throws(StoreError) {
            try connection.execute("SET lock_timeout = '3s'; SELECT pg_advisory_lock(\(key("owner")))")
            try connection.execute("SET lock_timeout = 0")
        } catch  where error.code == .inUse {
            throw StoreError(
                .inUse, "\(name) at \(connection.place) is in use by another worker: stop that one first")
        }
    }

    /// Makes the schema and brings it up to date, each step whole or not at all.
    func migrate(_ connection: Connection) throws(StoreError) {
        if try connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = \(literal)") == nil {
            try connection.execute("CREATE SCHEMA \(identifier)")
        }
        try connection.execute("SET search_path TO \(identifier)")
        try connection.execute("SET synchronous_commit = on")
        try connection.execute("CREATE TABLE IF NOT EXISTS version (number int NOT NULL)")
        let text = try connection.execute("SELECT number FROM version")
        let version = text.flatMap { Int($0) } ?? 0
        guard version <= Schema.steps.count else {
            throw StoreError(
                .tooNew,
                "\(name) at \(connection.place) was written by a newer version (\(version), known here "
                    + "\(Schema.steps.count)): update this program, or give it another database")
        }
        for (index, step) in Schema.steps.enumerated().dropFirst(max(0, version)) {
            let mark = "DELETE FROM version; INSERT INTO version VALUES (\(index + 1))"
            // One call with several statements: PostgreSQL makes one transaction of them.
            try connection.execute("\(step) \(mark)")
        }
    }
}
