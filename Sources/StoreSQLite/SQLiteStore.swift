public import Store
internal import StoreSQL

/// A store in one SQLite file, for one participant at one site.
///
/// The file is in write-ahead mode and synchronised at every commit, so what `transact` returned survives a crash of the
/// process and of the machine. A thread of its own does all work on it; callers wait without holding a thread.
/// While it is open no other process can open it: a lock is held on `<file>.lock`, which stays behind, empty of meaning.
public final class SQLiteStore: Store {
    /// The file, as it was given.
    public let path: String
    private let thread: DatabaseThread<Database>

    private init(path: String, thread: DatabaseThread<Database>) {
        self.path = path
        self.thread = thread
    }

    /// Opens the store, making the file where there is none and bringing an older one up to date.
    ///
    /// The folder must exist. The file is readable by its owner alone: answers that are remembered may hold secrets.
    public static func open(path: String) async throws(StoreError) -> SQLiteStore {
        try await open(path: path, maximumPages: nil)
    }

    /// As above, with a limit on the number of 4 KiB pages, by which tests meet a full disk.
    static func open(path: String, maximumPages: Int?) async throws(StoreError) -> SQLiteStore {
        let thread = try DatabaseThread<Database>(name: path)
        try await thread.start { () throws(StoreError) in
            try Database(path: path, maximumPages: maximumPages)
        }
        return SQLiteStore(path: path, thread: thread)
    }

    public func transact<Value: Sendable>(
        _ body: @escaping @Sendable (any StoreTransaction) throws -> Value
    ) async throws -> Value {
        try await thread.transact(body)
    }

    /// Ends the use of the store after the transactions that already wait, and returns when the file is closed.
    public func close() async {
        await thread.end()
    }

    deinit { thread.requestEnd() }
}
