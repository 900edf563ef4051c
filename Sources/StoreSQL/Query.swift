/// The statements of a store, each prepared once and kept. SQLite and PostgreSQL read them alike.
package enum Query: Int, CaseIterable {
    case state, saveState, deleteState
    case states, statesAfter, statesOfGroup, statesOfGroupAfter
    case inboxEntry, saveInboxEntry, forget, pruneInbox
    case append, removeOutgoing, outgoing
    case setTimer, cancelTimer, dueTimers, nextTimer
    case nextNumber

    /// Whether it changes anything.
    package var isWriting: Bool {
        switch self {
        case .state, .states, .statesAfter, .statesOfGroup, .statesOfGroupAfter, .inboxEntry, .outgoing, .dueTimers,
            .nextTimer:
            false
        case .saveState, .deleteState, .saveInboxEntry, .forget, .pruneInbox, .append, .removeOutgoing, .setTimer,
            .cancelTimer, .nextNumber:
            true
        }
    }

    package var sql: String {
        switch self {
        case .state: #"SELECT kind, id, "group", bytes FROM state WHERE kind = $1 AND id = $2"#
        case .saveState:
            #"""
            INSERT INTO state (kind, id, "group", bytes) VALUES ($1, $2, $3, $4)
            ON CONFLICT (kind, id) DO UPDATE SET "group" = excluded."group", bytes = excluded.bytes
            """#
        case .deleteState: "DELETE FROM state WHERE kind = $1 AND id = $2"
        case .states: Query.states("kind = $1", limit: "$2")
        case .statesAfter: Query.states("kind = $1 AND id > $2", limit: "$3")
        case .statesOfGroup: Query.states(#"kind = $1 AND "group" = $2"#, limit: "$3")
        case .statesOfGroupAfter: Query.states(#"kind = $1 AND "group" = $2 AND id > $3"#, limit: "$4")
        case .inboxEntry:
            """
            SELECT fingerprint, received, reply_to, correlation_id, answer FROM inbox
            WHERE sender = $1 AND message_id = $2
            """
        case .saveInboxEntry:
            """
            INSERT INTO inbox (sender, message_id, fingerprint, received, reply_to, correlation_id, answer)
            VALUES ($1, $2, $3, $4, $5, $6, $7)
            ON CONFLICT (sender, message_id) DO UPDATE SET fingerprint = excluded.fingerprint,
                received = excluded.received, reply_to = excluded.reply_to,
                correlation_id = excluded.correlation_id, answer = excluded.answer
            """
        case .forget: "DELETE FROM inbox WHERE sender = $1 AND message_id = $2"
        case .pruneInbox:
            """
            DELETE FROM inbox WHERE (sender, message_id) IN
                (SELECT sender, message_id FROM inbox WHERE received < $1 ORDER BY received LIMIT $2)
            """
        case .append: "INSERT INTO outbox (envelope, body) VALUES ($1, $2) RETURNING number"
        case .removeOutgoing: "DELETE FROM outbox WHERE number BETWEEN $1 AND $2"
        case .outgoing: "SELECT number, envelope, body FROM outbox WHERE number > $1 ORDER BY number LIMIT $2"
        case .setTimer:
            """
            INSERT INTO timer (name, due, payload) VALUES ($1, $2, $3)
            ON CONFLICT (name) DO UPDATE SET due = excluded.due, payload = excluded.payload
            """
        case .cancelTimer: "DELETE FROM timer WHERE name = $1"
        case .dueTimers: "SELECT name, due, payload FROM timer WHERE due <= $1 ORDER BY due, name LIMIT $2"
        case .nextTimer: "SELECT due FROM timer ORDER BY due LIMIT 1"
        case .nextNumber:
            """
            INSERT INTO sequence (name, last) VALUES ($1, 1)
            ON CONFLICT (name) DO UPDATE SET last = sequence.last + 1 RETURNING last
            """
        }
    }

    private static func states(_ condition: String, limit: String) -> String {
        #"SELECT kind, id, "group", bytes FROM state WHERE \#(condition) ORDER BY id LIMIT \#(limit)"#
    }
}
