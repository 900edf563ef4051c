public import Store
internal import StoreSQL

/// A store on a PostgreSQL server, in a schema named like its participant, which replicas of the participant may share.
///
/// What `transact` returned survives a crash of the process and, with the server's own settings, of the server. A thread of
/// its own speaks with the server; callers wait without holding a thread. Once the connection is lost every later
/// transaction fails with `unreachable`: whether the last commit counts is known only to a store that is opened anew.
public final class PostgreSQLStore: Store {
    private let thread: DatabaseThread<Database>
    private let replica: Replica
    private let participant: String

    private init(thread: DatabaseThread<Database>, replica: Replica, participant: String) {
        self.thread = thread
        self.replica = replica
        self.participant = participant
    }

    /// Opens the store of a participant, making its schema where there is none and bringing an older one up to date.
    ///
    /// - Parameters:
    ///   - address: a connection URI, such as `postgresql://execbus@db.example.org/execbus` (PostgreSQL, "Connection
    ///     URIs"). Without a password in it libpq takes the one of `PGPASSWORD` or of `~/.pgpass`.
    ///   - participant: its address, such as `execution-broker.ral`.
    public static func open(_ address: String, participant: String) async throws(StoreError) -> PostgreSQLStore {
        let thread = try DatabaseThread<Database>(name: participant)
        let replica = Replica()
        try await thread.start { () throws(StoreError) in
            try Database(address: address, participant: participant, replica: replica)
        }
        return PostgreSQLStore(thread: thread, replica: replica, participant: participant)
    }

    public func transact<Value: Sendable>(
        _ body: @escaping @Sendable (any StoreTransaction) throws -> Value
    ) async throws -> Value {
        try await thread.transact(body)
    }

    public var leads: Bool { replica.leads }

    public func onNews(_ body: @escaping @Sendable () -> Void) { replica.onNews(body) }

    /// Ends the use of the store after the transactions that already wait, and returns when the connection is closed.
    public func close() async {
        await thread.end()
    }

    deinit { thread.requestEnd() }
}
