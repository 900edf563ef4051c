internal import Store

/// The tables, as numbered steps from an empty file to the newest form. A step that was released is never edited.
enum Schema {
    /// Marks the file as ours (`PRAGMA application_id`): "ExBS".
    static let applicationID: Int64 = 0x4578_4253

    /// The step that ends at version n is number n − 1.
    static let steps: [String] = [
        // Rows with a body lie in tables with a row number: their leaves hold a whole page, those of an index a quarter.
        """
        CREATE TABLE state (
            kind TEXT NOT NULL, id TEXT NOT NULL, "group" TEXT, bytes BLOB NOT NULL,
            PRIMARY KEY (kind, id)) STRICT;
        CREATE INDEX state_by_group ON state (kind, "group", id) WHERE "group" IS NOT NULL;
        CREATE TABLE inbox (
            sender TEXT NOT NULL, message_id TEXT NOT NULL, fingerprint BLOB NOT NULL, received INTEGER NOT NULL,
            reply_to TEXT, correlation_id TEXT, answer BLOB,
            PRIMARY KEY (sender, message_id)) STRICT;
        CREATE INDEX inbox_by_age ON inbox (received);
        CREATE TABLE outbox (
            number INTEGER PRIMARY KEY AUTOINCREMENT, envelope BLOB NOT NULL, body BLOB NOT NULL) STRICT;
        CREATE TABLE timer (
            name TEXT NOT NULL PRIMARY KEY, due INTEGER NOT NULL, payload BLOB NOT NULL) STRICT, WITHOUT ROWID;
        CREATE INDEX timer_by_due ON timer (due, name);
        CREATE TABLE sequence (
            name TEXT NOT NULL PRIMARY KEY, last INTEGER NOT NULL) STRICT, WITHOUT ROWID;
        """
    ]

    /// Throws where the file cannot be used, before anything in it is changed.
    static func check(_ database: Database) throws(StoreError) {
        let version = try database.integer("PRAGMA user_version")
        let application = try database.integer("PRAGMA application_id")
        let tables = try database.integer("SELECT count(*) FROM sqlite_schema")
        let isNew = version == 0 && application == 0 && tables == 0
        guard isNew || application == applicationID else {
            throw StoreError(
                .damaged, "\(database.path) is a database of another program: give the participant another file")
        }
        guard version <= steps.count else {
            throw StoreError(
                .tooNew,
                "\(database.path) was written by a newer version (\(version), known here \(steps.count)): "
                    + "update this program, or give it another file")
        }
    }

    /// Brings the file up to date, each step whole or not at all.
    static func migrate(_ database: Database) throws(StoreError) {
        let version = try database.integer("PRAGMA user_version")
        for (index, step) in steps.enumerated().dropFirst(Int(max(0, version))) {
            let marks = "PRAGMA application_id = \(applicationID); PRAGMA user_version = \(index + 1)"
            try database.execute("BEGIN IMMEDIATE; \(step) \(marks); COMMIT")
        }
    }
}
