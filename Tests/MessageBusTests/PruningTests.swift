import MessageBus
import Store
import StoreSQLite
import Synchronization
import TestSupport
import Testing
import Wire

/// What is remembered of messages is forgotten when it is too old, however much of it there is.
@Suite struct PruningTests {
    private func remembered(_ store: any Store, of sender: String, in range: ClosedRange<Int>) async throws -> Int {
        try await store.transact { transaction in
            try range.filter {
                try transaction.inboxEntry(InboxKey(sender: sender, messageID: "\($0)")) != nil
            }.count
        }
    }

    private func fill(_ store: any Store, _ range: ClosedRange<Int>, received: Timestamp) async throws {
        try await store.transact { transaction in
            for number in range {
                try transaction.save(
                    InboxEntry(
                        key: InboxKey(sender: "somebody", messageID: "\(number)"), fingerprint: [1], received: received,
                        replyTo: nil, correlationID: nil))
            }
        }
    }

    @Test func `more than one transaction forgets is forgotten in several, and what is young stays`()
        async throws
    {
        try await withTemporaryFolder { folder in
            let store = try await SQLiteStore.open(path: folder + "/store.sqlite")
            let start = Timestamp.now()
            let clock = Mutex(start)
            try await fill(store, 1...9_000, received: start)
            try await fill(store, 9_001...9_100, received: start + .seconds(3_600))
            let network = MemoryNetwork()
            let now: @Sendable () -> Timestamp = { clock.withLock { $0 } }
            try await network.withBank(
                store: store,
                settings: {
                    $0.clock = now
                    $0.inboxAge = .seconds(86_400)
                }
            ) { _ in
                await network.send("test.add.v1", #"{"amount": 1}"#)
                _ = try await network.messages("answers", count: 1)
                clock.withLock { $0 = start + .seconds(86_400 + 60) }
                // One message wakes the loop; nothing comes after it.
                await network.send("test.add.v1", #"{"amount": 1}"#, id: "m2")
                let isGone = try await eventually { try await remembered(store, of: "somebody", in: 1...9_000) == 0 }
                #expect(isGone)
                #expect(try await remembered(store, of: "somebody", in: 9_001...9_100) == 100)
            }
            await store.close()
        }
    }

    @Test func `under steady work the inbox holds what its age allows, and no more`() async throws {
        let network = MemoryNetwork()
        let store = MemoryStore()
        let clock = Mutex(Timestamp.now())
        let now: @Sendable () -> Timestamp = { clock.withLock { $0 } }
        try await network.withBank(
            store: store,
            settings: {
                $0.clock = now
                $0.inboxAge = .seconds(100)
            }
        ) { _ in
            for round in 0..<8 {
                for number in 1...500 {
                    await network.send("test.fact.v1", #"{"number": 1}"#, id: "\(round * 500 + number)", replyTo: nil)
                }
                _ = try await network.messages("facts", count: 500)
                _ = network.broker.takeAll(from: "facts")
                clock.withLock { $0 = $0 + .seconds(61) }
            }
            _ = try await network.total(after: 0)
            // What came in the last hundred seconds, and in the minute until it is looked through again.
            let isFlat = try await eventually { try await remembered(store, of: "client", in: 1...4_000) <= 1_500 }
            #expect(isFlat)
        }
    }
}
