import MessageBus
import Store
import StorePostgreSQL
import TestSupport
import Testing
import Wire

/// A participant that runs as several replicas on one store: together they are as one.
@Suite struct ReplicaTests {
    @Test func `each command has its effect once, whoever handles it, and events keep their order`() async throws {
        try await withSchema { address, participant in
            let network = MemoryNetwork()
            let stores = [
                try await PostgreSQLStore.open(address, participant: participant),
                try await PostgreSQLStore.open(address, participant: participant),
            ]
            // A replica takes few at a time, so that both have work.
            try await network.withBank(store: stores[0], settings: { $0.prefetch = 5 }) { _ in
                try await network.withBank(store: stores[1], settings: { $0.prefetch = 5 }) { _ in
                    for number in 1...200 {
                        await network.send(
                            "test.add.v1", #"{"account": "a\#(number % 4)", "amount": 1}"#, id: "m\(number)")
                        // A copy of one before it comes to whoever is free.
                        await network.send(
                            "test.add.v1", #"{"account": "a\#(number % 4)", "amount": 1}"#, id: "m\(number)")
                    }
                    _ = try await network.messages("facts", count: 200)
                    _ = try await network.messages("answers", count: 400)
                }
            }
            for store in stores { await store.close() }
            let facts = network.broker.messages(in: "facts").map(ReceivedMessage.init)
            #expect(facts.count == 200)
            for account in 0..<4 {
                let own = facts.filter { $0.subject == "a\(account)" }
                #expect(own.map(\.sequence) == (1...50).map { Int64($0) })
                #expect(own.map { $0.body["sum"]?.int } == (1...50).map { Int64($0) })
            }
            let answers = network.broker.messages(in: "answers").map(ReceivedMessage.init)
            #expect(answers.count == 400 && answers.allSatisfy { $0.type == "test.sum.v1" })
        }
    }

    @Test func `timers and activities go on with another replica when the one that led has gone`() async throws {
        try await withSchema { address, participant in
            let network = MemoryNetwork()
            let first = try await PostgreSQLStore.open(address, participant: participant)
            let second = try await PostgreSQLStore.open(address, participant: participant)
            try await network.withBank(store: second, performer: Quick()) { _ in
                // The one that leads performs nothing, and ends.
                try await network.withBank(store: first, performer: Stuck()) { _ in
                    await network.send("test.work.v1", "{}", id: "work")
                    await network.send("test.later.v1", #"{"account": "x"}"#, id: "later")
                    _ = try await network.messages("answers", count: 1)
                    _ = try await network.messages("facts", count: 1)
                }
                await first.close()
                await network.send("test.later.v1", #"{"account": "y"}"#, id: "later 2")
                _ = try await network.messages("answers", count: 3)
                _ = try await network.messages("facts", count: 3)
            }
            await second.close()
            let facts = network.broker.messages(in: "facts").map(ReceivedMessage.init)
            #expect(facts.filter { $0.type == "test.event.fired.v1" }.compactMap(\.subject) == ["x", "y"])
            #expect(facts.filter { $0.type == "test.event.activity.v1" }.count == 1)
        }
    }
}

/// Ends at once.
private struct Quick: Performer {
    func perform(_ activity: Activity, progress: @escaping @Sendable (JSON) -> Void) async throws -> JSON { [:] }
}

/// Never ends by itself.
private struct Stuck: Performer {
    func perform(_ activity: Activity, progress: @escaping @Sendable (JSON) -> Void) async throws -> JSON {
        try await Task.sleep(for: .seconds(86_400))
        return [:]
    }
}
