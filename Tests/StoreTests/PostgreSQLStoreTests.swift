import Store
import TestSupport
import Testing
import Wire

@testable import StorePostgreSQL

/// What a server adds to the contract: it lasts, one worker owns a schema, and its faults are told in plain words.
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

    @Test func `a second worker is told that the schema is in use`() async throws {
        try await withSchema { address, participant in
            let store = try await PostgreSQLStore.open(address, participant: participant)
            let error = await storeError { try await PostgreSQLStore.open(address, participant: participant) }
            #expect(error?.code == .inUse)
            #expect(error?.message.contains("stop that one first") == true)
            await store.close()
        }
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
