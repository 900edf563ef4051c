import MessageBus
import Store
import Synchronization
import TestSupport
import Testing
import Wire

/// Fails as often as it is told, before or after the work is done, and is a store in memory otherwise.
private final class FlakyStore: Store {
    private let store = MemoryStore()
    private let errors = Mutex<[StoreError]>([])

    /// Lets the next transactions fail, each with one of these.
    func fail(_ errors: [StoreError]) { self.errors.withLock { $0 += errors } }

    var left: Int { errors.withLock { $0.count } }

    func transact<Value: Sendable>(
        _ body: @escaping @Sendable (any StoreTransaction) throws -> Value
    ) async throws -> Value {
        try await store.transact { transaction in
            let value = try body(transaction)
            // As a commit fails.
            if let error = self.errors.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) { throw error }
            return value
        }
    }

    func close() async { await store.close() }
}

@Suite struct PatientStoreTests {
    @Test(arguments: [StoreError.Code.conflict, .full])
    func `a store that fails for a while ends no worker, and each message has its effect once`(_ code: StoreError.Code)
        async throws
    {
        let network = MemoryNetwork()
        let store = FlakyStore()
        try await network.withBank(store: store) { _ in
            await network.send("test.add.v1", #"{"amount": 5}"#, id: "first")
            _ = try await network.messages("answers", count: 1)
            store.fail(Array(repeating: StoreError(code, "not now"), count: 2))
            await network.send("test.add.v1", #"{"amount": 7}"#)
            let answers = try await network.messages("answers", count: 2)
            #expect(answers[1].body == ["sum": 12])
            #expect(store.left == 0)
            #expect(try await network.total(after: 2) == 12, "what is kept in memory was made anew for each try")
        }
    }

    @Test func `a store that is lost ends the worker`() async throws {
        let network = MemoryNetwork()
        let store = FlakyStore()
        await #expect(throws: StoreError.self) {
            try await network.withBank(store: store) { _ in
                await network.send("test.add.v1", #"{"amount": 5}"#, id: "first")
                _ = try await network.messages("answers", count: 1)
                store.fail([StoreError(.damaged, "gone")])
                await network.send("test.add.v1", #"{"amount": 7}"#)
                #expect(await eventually { network.broker.messages(in: "bank").isEmpty && store.left == 0 })
            }
        }
    }
}
