import AMQP
import MessageBus
import Store
import Synchronization
import TestSupport
import Testing
import Wire

/// A message that fails for a while does not let a later one of the same subject overtake it.
@Suite struct OrderTests {
    private let network = MemoryNetwork()
    private let weather = Weather()

    private func withBank(
        store: any Store = MemoryStore(), settings: (inout LoopSettings) -> Void = { _ in },
        _ body: (ParticipantLoop<Bank>) async throws -> Void
    ) async throws {
        try await network.withBank(store: store, weather: weather, settings: settings, body)
    }

    private func tell(_ number: Int, about subject: String? = "s", from user: String = "client") async {
        var headers: [String: AMQPValue] = [:]
        headers["cloudEvents_subject"] = subject.map(AMQPValue.string)
        var properties = AMQPProperties()
        properties.type = "test.fact.v1"
        properties.messageID = "fact-\(number)"
        properties.userID = user
        properties.headers = headers
        let message = AMQPMessage(
            exchange: "commands", routingKey: "bank", properties: properties,
            body: (["number": .int(Int64(number))] as JSON).bytes)
        _ = await network.broker.transport(user: user).publish([message])
    }

    /// The facts that were heard so far, once there are so many.
    private func heard(_ count: Int) async throws -> [Int64] {
        try await network.messages("facts", count: count).compactMap { $0.body["number"]?.int }
    }

    @Test func `later ones of the subject wait behind it, in order; those of others go on`() async throws {
        let store = MemoryStore()
        try await withBank(store: store) { _ in
            weather.spoil("fact 1")
            for number in 1...4 { await tell(number) }
            await tell(5, about: "other")
            await tell(6, about: nil)
            await tell(7, from: "somebody")
            #expect(try await heard(3) == [5, 6, 7])
            let waiting = try await network.waiting(.second, count: 4)
            #expect(waiting.map(\.properties.messageID) == (1...4).map { "fact-\($0)" })
            #expect(waiting.map { $0.properties.headers["attempt"] } == [.int(1), .int(0), .int(0), .int(0)])
            weather.spoil("fact 1", nil)
            try await network.pass(.second, count: 4)
            #expect(try await heard(7) == [5, 6, 7, 1, 2, 3, 4])
        }
        try await expectNothingRemembered(store)
    }

    @Test func `those that come back before it wait on, for as long as it, and spend no attempt`() async throws {
        let clock = Mutex(Timestamp.now())
        let now: @Sendable () -> Timestamp = { clock.withLock { $0 } }
        try await withBank(settings: { $0.clock = now }) { _ in
            weather.spoil("fact 1")
            for number in 1...3 { await tell(number) }
            try await network.pass(.second, count: 3)
            // The first waits for ten seconds now, and the others as long; they come back before it all the same.
            _ = try await network.waiting(.tenSeconds, count: 3)
            let copies = network.broker.takeAll(from: "retry.10s")
            #expect(copies.map(\.properties.messageID) == ["fact-1", "fact-2", "fact-3"])
            for copy in copies.dropFirst() { await network.giveBack(copy) }
            _ = try await network.waiting(.tenSeconds, count: 2)
            clock.withLock { $0 = $0 + .seconds(8) }
            network.broker.expire("retry.10s")
            let waiting = try await network.waiting(.second, count: 2)
            #expect(waiting.allSatisfy { $0.properties.headers["attempt"] == .int(0) })
            weather.spoil("fact 1", nil)
            // What comes now is later than those that wait still.
            await tell(4)
            _ = try await network.waiting(.second, count: 3)
            await network.giveBack(copies[0])
            #expect(try await heard(1) == [1])
            try await network.pass(.second, count: 3)
            #expect(try await heard(4) == [1, 2, 3, 4])
        }
    }

    @Test func `when it is parked the next one goes`() async throws {
        try await withBank(settings: { $0.retries = RetrySchedule([.second]) }) { _ in
            weather.spoil("fact 1")
            for number in 1...3 { await tell(number) }
            try await network.pass(.second, count: 3)
            _ = try await network.messages("bank.parked", count: 1)
            #expect(try await heard(2) == [2, 3])
            await tell(4)
            #expect(try await heard(3) == [2, 3, 4])
        }
    }

    @Test func `a worker that starts anew keeps the order`() async throws {
        let store = MemoryStore()
        weather.spoil("fact 1")
        try await withBank(store: store) { _ in
            await tell(1)
            _ = try await network.waiting(.second)
        }
        try await withBank(store: store) { _ in
            await tell(2)
            _ = try await network.waiting(.second, count: 2)
            weather.spoil("fact 1", nil)
            try await network.pass(.second, count: 2)
            #expect(try await heard(2) == [1, 2])
        }
    }

    @Test func `one that never comes back is not waited for longer than the patience, and the log says so`()
        async throws
    {
        let clock = Mutex(Timestamp.now())
        let log = Mutex<[String]>([])
        let now: @Sendable () -> Timestamp = { clock.withLock { $0 } }
        try await withBank(settings: { settings in
            settings.clock = now
            settings.log = Log(name: "bank", write: { line in log.withLock { $0.append(line) } })
        }) { _ in
            weather.spoil("fact 1")
            await tell(1)
            _ = try await network.waiting(.second)
            let lost = network.broker.takeAll(from: "retry.1s")
            weather.spoil("fact 1", nil)
            clock.withLock { $0 = $0 + .seconds(200) }
            await tell(2)
            try await network.pass(.second)
            _ = try await network.waiting(.second)
            clock.withLock { $0 = $0 + .seconds(200) }
            try await network.pass(.second)
            #expect(try await heard(1) == [2])
            #expect(log.withLock { $0.contains { $0.contains("warning") && $0.contains("fact-1 did not come back") } })
            await tell(3)
            #expect(try await heard(2) == [2, 3])
            // It is late and not lost.
            await network.giveBack(lost[0])
            #expect(try await heard(3) == [2, 3, 1])
        }
    }

    /// Each gives another order, since the number of messages is no multiple of it.
    @Test(arguments: [1, 7, 11, 19])
    func `in whatever order the copies come back, they are handled in the order in which they came`(_ step: Int)
        async throws
    {
        try await withBank { _ in
            weather.spoil("fact 1")
            for number in 1...20 { await tell(number) }
            _ = try await network.waiting(.second, count: 20)
            weather.spoil("fact 1", nil)
            while network.broker.messages(in: "facts").count < 20 {
                let copies = network.broker.takeAll(from: "retry.1s")
                let order = copies.indices.sorted { ($0 * step % copies.count, $0) < ($1 * step % copies.count, $1) }
                for index in order { await network.giveBack(copies[index]) }
                #expect(
                    await eventually {
                        network.broker.messages(in: "facts").count + network.broker.messages(in: "retry.1s").count == 20
                    })
            }
            #expect(try await heard(20) == Array(1...20))
        }
    }
}
