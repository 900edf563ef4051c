import Store
import StorePostgreSQL
import StoreSQLite
import TestSupport
import Testing

/// The stores that must keep the same contract.
enum Engine: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case memory
    case sqlite
    case postgresql

    var testDescription: String { rawValue }

    /// Runs `body` with an empty store, and leaves nothing behind.
    func withStore<Value>(_ body: (any Store) async throws -> Value) async throws -> Value {
        switch self {
        case .memory:
            return try await body(MemoryStore())
        case .sqlite:
            return try await withTemporaryFolder { folder in
                try await use(try await SQLiteStore.open(path: folder + "/store.sqlite"), body)
            }
        case .postgresql:
            return try await withSchema { address, participant in
                try await use(try await PostgreSQLStore.open(address, participant: participant), body)
            }
        }
    }

    private func use<Value>(_ store: some Store, _ body: (any Store) async throws -> Value) async throws -> Value {
        do {
            let value = try await body(store)
            await store.close()
            return value
        } catch {
            await store.close()
            throw error
        }
    }
}

/// Tries again until it succeeds, for at most ten seconds.
func until<Value>(_ attempt: () async throws -> Value) async throws -> Value {
    let clock = ContinuousClock()
    let end = clock.now + .seconds(10)
    while true {
        do {
            return try await attempt()
        } catch  where clock.now < end {
            await Task.yield()
        }
    }
}
