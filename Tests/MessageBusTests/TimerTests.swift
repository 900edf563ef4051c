import FoundationEssentials
import MessageBus
import Store
import StoreSQLite
import TestSupport
import Testing
import Wire

/// Timers survive everything and fire once, however many others wait.
@Suite struct TimerTests {
    /// How many wait for another day: a million with EXECBUS_FULL.
    private static let crowd = ProcessInfo.processInfo.environment["EXECBUS_FULL"] == "1" ? 1_000_000 : 20_000
    private static let due = 600

    @Test func `in a crowd of timers each fires once, in order, over restarts of its worker`() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/store.sqlite"
            let tomorrow = Timestamp.now() + .seconds(86_400)
            let begin = try await Self.fill(path, tomorrow)
            let network = MemoryNetwork()
            var rounds = 0
            // Each round is a worker that ends in the middle, until all have fired.
            while network.broker.messages(in: "facts").count < Self.due {
                rounds += 1
                try #require(rounds < 100, "\(network.broker.messages(in: "facts").count) have fired")
                let before = network.broker.messages(in: "facts").count
                let store = try await SQLiteStore.open(path: path)
                try await network.withBank(store: store) { _ in
                    _ = try await network.messages("facts", count: min(Self.due, before + 100))
                }
                await store.close()
            }
            #expect(rounds > 1)
            let fired = network.broker.messages(in: "facts").map(ReceivedMessage.init)
            #expect(fired.compactMap(\.subject) == (0..<Self.due).map { "due \($0)" })
            #expect(fired.allSatisfy { ($0.time ?? begin) >= begin }, "none fires before its time")
            let store = try await SQLiteStore.open(path: path)
            let next = try await store.transact { try $0.nextTimer() }
            #expect(next == tomorrow, "those of another day still wait")
            await store.close()
        }
    }

    /// A crowd that waits for tomorrow, and some that are due one after the other from the returned instant on.
    private static func fill(_ path: String, _ tomorrow: Timestamp) async throws -> Timestamp {
        let store = try await SQLiteStore.open(path: path)
        for start in stride(from: 0, to: crowd, by: 10_000) {
            try await store.transact { transaction in
                for number in start..<min(start + 10_000, crowd) {
                    try transaction.setTimer(
                        StoredTimer(name: "later \(number)", due: tomorrow + .seconds(number)))
                }
            }
        }
        let begin = Timestamp.now()
        try await store.transact { transaction in
            for number in 0..<due {
                try transaction.setTimer(
                    StoredTimer(
                        name: "due \(number)", due: begin + .milliseconds(5 * number), payload: Array("{}".utf8)))
            }
        }
        await store.close()
        return begin
    }
}
