import Store
import Synchronization
import TestSupport
import Testing
import Wire

@testable import StorePostgreSQL

/// What a server adds to the contract: it lasts, replicas share it, and its faults are told in plain words.
@Suite struct PostgreSQLStoreTests {
    @Test func `opened again, a store holds everything, and its numbers go on`() async throws {
        try await withSchema { address, participant in
            let first = try await PostgreSQLStore.open(address, participant: participant)
            for number in 1...5 { try await first.fill(with: number) }
            let before = try await first.everything()
            await first.close()

            let second = try await PostgreSQLStore.open(address, participant: participant)
            #expect(try await second.everything() == before)
            try await second.transact { try $0.removeOutgoing(before.outgoing.map(\.number)) }
            await second.close()

            let third = try await PostgreSQLStore.open(address, participant: participant)
            let next = try await third.append(1)
            #expect(next[0] > before.outgoing[4].number)
            #expect(try await third.transact { try $0.nextNumber(of: "q") } == 6)
            await third.close()
        }
    }

    @Test func `closed, a store can be opened again at once`() async throws {
        try await withSchema { address, participant in
            for round in 1...20 {
                let store = try await PostgreSQLStore.open(address, participant: participant)
                #expect(try await store.transact { try $0.nextNumber(of: "rounds") } == Int64(round))
                await store.close()
            }
        }
    }

    @Test func `participants beside each other see nothing of each other`() async throws {
        try await withSchema { address, participant in
            let names = [participant, participant + "\"; DROP SCHEMA x; --", participant + "'", participant + "é"]
            for (number, name) in names.enumerated() {
                let store = try await PostgreSQLStore.open(address, participant: name)
                #expect(try await store.outgoing().isEmpty)
                try await store.fill(with: number)
                await store.close()
            }
        }
    }

    // MARK: Replicas

    @Test func `one replica leads, and when it has gone the next one does, and is told`() async throws {
        try await withSchema { address, participant in
            let first = try await PostgreSQLStore.open(address, participant: participant)
            let second = try await PostgreSQLStore.open(address, participant: participant)
            let told = Atomic(0)
            second.onNews { told.add(1, ordering: .relaxed) }
            #expect(first.leads)
            #expect(!second.leads)
            await first.close()
            #expect(await eventually { second.leads && told.load(ordering: .relaxed) > 0 })
            let third = try await PostgreSQLStore.open(address, participant: participant)
            #expect(!third.leads)
            await third.close()
            await second.close()
        }
    }

    @Test func `a replica learns that another has written, until it has caught up`() async throws {
        try await withSchema { address, participant in
            let first = try await PostgreSQLStore.open(address, participant: participant)
            let second = try await PostgreSQLStore.open(address, participant: participant)
            let told = Atomic(0)
            first.onNews { told.add(1, ordering: .relaxed) }
            #expect(try await first.transact { $0.isForeign }, "what was there before it led is not in its memory")
            try await first.transact { $0.catchUp() }
            try await first.fill(with: 1)
            #expect(try await !first.transact { $0.isForeign }, "its own writing is known to it")
            #expect(try await second.transact { $0.isForeign })
            try await second.fill(with: 2)
            #expect(await eventually { told.load(ordering: .relaxed) > 0 }, "who leads is woken")
            #expect(try await first.transact { $0.isForeign })
            await #expect(throws: StoreError.self) {
                try await first.transact { transaction in
                    transaction.catchUp()
                    throw StoreError(.failed, "on purpose")
                }
            }
            #expect(try await first.transact { $0.isForeign }, "what was undone caught up with nothing")
            try await first.transact { $0.catchUp() }
            #expect(try await !first.transact { $0.isForeign })
            #expect(try await first.everything() == second.everything())
            await first.close()
            await second.close()
        }
    }

    @Test func `transactions of replicas run one after the other, and sequences have no gap`() async throws {
        try await withSchema { address, participant in
            let stores = [
                try await PostgreSQLStore.open(address, participant: participant),
                try await PostgreSQLStore.open(address, participant: participant),
                try await PostgreSQLStore.open(address, participant: participant),
            ]
            let numbers = try await withThrowingTaskGroup(of: Int64.self) { group in
                for number in 0..<150 {
                    group.addTask { try await stores[number % 3].transact { try $0.nextNumber(of: "s") } }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(numbers.sorted() == (1...150).map(Int64.init))
            for store in stores { await store.close() }
        }
    }

    @Test func `an older schema is brought up to date step by step, and keeps what it has`() async throws {
        try await withSchema { address, participant in
            let store = try await PostgreSQLStore.open(address, participant: participant)
            try await store.fill(with: 1)
            let before = try await store.everything()
            await store.close()
            try {
                // As the first version left it.
                let connection = try Connection(address)
                let schema = "\"\(participant)\""
                try connection.execute("DROP TABLE \(schema).change; UPDATE \(schema).version SET number = 1")
            }()
            let opened = try await PostgreSQLStore.open(address, participant: participant)
            #expect(try await opened.everything() == before)
            await opened.close()
        }
    }

    @Test func `a name that PostgreSQL would cut off is refused`() async throws {
        let address = try await TestPostgreSQL.shared.uri
        let error = await storeError {
            try await PostgreSQLStore.open(address, participant: String(repeating: "x", count: 64))
        }
        #expect(error?.code == .notAccessible)
    }

    @Test func `a schema of a newer version is left alone`() async throws {
        try await withSchema { address, participant in
            await (try PostgreSQLStore.open(address, participant: participant)).close()
            try {
                let connection = try Connection(address)
                try connection.execute("UPDATE \"\(participant)\".version SET number = 999")
            }()
            let error = await storeError { try await PostgreSQLStore.open(address, participant: participant) }
            #expect(error?.code == .tooNew)
        }
    }

    @Test func `no server, a wrong user and a wrong database are told apart from faults of ours`() async throws {
        let none = await storeError {
            try await PostgreSQLStore.open("postgresql://u:secret@127.0.0.1:1/db", participant: "p")
        }
        #expect(none?.code == .unreachable)
        #expect(none?.message.hasPrefix("postgresql://127.0.0.1:1/db: ") == true)
        #expect(none?.message.contains("secret") == false)
        let uri = try await TestPostgreSQL.shared.uri
        for wrong in ["tests@/nowhere?", "nobody@/postgres?"] {
            let address = uri.replacing("tests@/postgres?", with: wrong)
            let error = await storeError { try await PostgreSQLStore.open(address, participant: "p") }
            #expect(error?.code == .unreachable)
            #expect(error?.message.contains("does not exist") == true)
        }
    }

    @Test func `when the server dies, transactions fail, and a store opened anew has what was committed`() async throws
    {
        try await withTemporaryFolder { folder in
            let server = try await TestPostgreSQL.start(in: folder)
            let store = try await PostgreSQLStore.open(server.uri, participant: "p")
            for number in 1...3 { try await store.fill(with: number) }
            let before = try await store.everything()
            await server.kill()
            for _ in 1...2 {
                let error = await storeError { try await store.fill(with: 4) }
                #expect(error?.code == .unreachable)
            }
            await store.close()
            let again = try await TestPostgreSQL.restart(in: folder)
            let opened = try await PostgreSQLStore.open(again.uri, participant: "p")
            #expect(try await opened.everything() == before)
            await opened.close()
            await again.kill()
        }
    }
}

private func storeError(_ body: () async throws -> some Any) async -> StoreError? {
    do {
        _ = try await body()
        return nil
    } catch {
        return error as? StoreError
    }
}
