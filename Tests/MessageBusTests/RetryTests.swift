import AMQP
import MessageBus
import Store
import TestSupport
import Testing
import Wire

/// A message that could not be handled is handled again later, with one effect; what no try helps is parked.
@Suite struct RetryTests {
    private let network = MemoryNetwork()
    private let weather = Weather()

    private func withBank(
        store: any Store = MemoryStore(), retries: RetrySchedule = .standard, at instant: Timestamp? = nil,
        _ body: (ParticipantLoop<Bank>) async throws -> Void
    ) async throws {
        try await network.withBank(
            store: store, weather: weather,
            settings: {
                $0.retries = retries
                if let instant { $0.clock = { instant } }
            }, body)
    }

    @Test func `a command that fails waits without an answer, and has its effect once when it comes back`() async throws
    {
        try await withBank { _ in
            weather.spoil("a")
            await network.send("test.add.v1", #"{"amount": 5}"#)
            _ = try await network.waiting(.second)
            #expect(network.broker.messages(in: "answers").isEmpty)
            weather.spoil("a", nil)
            try await network.pass(.second)
            #expect(try await network.messages("answers", count: 1)[0].body == ["sum": 5])
            #expect(try await network.total(after: 1) == 5)
        }
    }

    @Test func `an error that is no problem is as good a reason to try again`() async throws {
        struct Odd: Error {}
        try await withBank { _ in
            weather.spoil("a", Odd())
            await network.send("test.add.v1", #"{"amount": 5}"#)
            _ = try await network.waiting(.second)
            #expect(try await network.total(after: 0) == 0, "what it had changed in memory is made anew")
            weather.spoil("a", nil)
            try await network.pass(.second)
            #expect(try await network.messages("answers", count: 2)[1].body == ["sum": 5])
        }
    }

    @Test func `the copy that waits says why, and is otherwise as it came`() async throws {
        try await withBank { _ in
            weather.spoil("a")
            let own: [String: AMQPValue] = [
                "colour": .string("red"), "size": .int(7),
                "list": .array([.bool(true), .void, .table(["x": .double(1.5)])]),
                "traceparent": .string("00-1-2-01"),
            ]
            let hostile: [String: AMQPValue] = [
                "CC": .array([.string("global-execution")]), "BCC": .array([.string("other")]),
                "asker": .string("operator"),
                "original_key": .string("elsewhere"), "copy": .int(9), "attempt": .int(3), "x-death": .array([]),
            ]
            await network.send(
                "test.add.v1", #"{"amount": 5}"#, headers: own.merging(hostile) { $1 },
                change: {
                    $0.appID = "an app"
                    $0.contentType = "application/json"
                    $0.timestamp = 1_700_000_000
                    $0.expiration = "60000"
                    $0.priority = 3
                })
            let copy = try await network.waiting(.second)[0]
            #expect(copy.routingKey == "bank")
            let properties = copy.properties
            #expect(properties.messageID == "m1")
            #expect(properties.type == "test.add.v1")
            #expect(properties.replyTo == "client.client.1")
            #expect(properties.correlationID == "c1")
            #expect(properties.appID == "an app")
            #expect(properties.timestamp == 1_700_000_000)
            #expect(properties.priority == 3)
            #expect(properties.expiration == nil, "it would shorten the wait")
            #expect(properties.isPersistent)
            #expect(properties.userID == "bank", "RabbitMQ takes no other")
            #expect(copy.body == Array(#"{"amount": 5}"#.utf8))
            var headers = properties.headers
            #expect(headers.removeValue(forKey: "first_failed")?.string.flatMap(Timestamp.init) != nil)
            let added: [String: AMQPValue] = [
                "attempt": .int(1), "copy": .int(1), "delay": .string("1s"), "asker": .string("client"),
                "original_exchange": .string("commands"), "original_key": .string("bank"),
                "reason": .string("internal: a secret of the inside"),
            ]
            #expect(headers == own.merging(added) { $1 })
        }
    }

    @Test func `after the last try it is parked with its story, and who waits is told without the inside`() async throws
    {
        try await withBank { _ in
            weather.spoil("a")
            await network.send("test.add.v1", #"{"amount": 5}"#, headers: ["colour": .string("red")])
            for delay in RetryDelay.allCases {
                #expect(network.broker.messages(in: "answers").isEmpty)
                try await network.pass(delay)
            }
            let answer = try await network.messages("answers", count: 1)[0]
            #expect(answer.problem?.kind == .internalFault)
            #expect(answer.problem?.detail.contains("secret") == false)
            _ = try await network.messages("bank.parked", count: 1)
            let parked = network.broker.messages(in: "bank.parked")[0]
            #expect(parked.properties.messageID == "m1")
            #expect(parked.properties.headers["attempt"] == .int(5))
            #expect(parked.header(.reason) == "internal: a secret of the inside")
            #expect(parked.header(.originalExchange) == "commands")
            #expect(parked.header(.originalKey) == "bank")
            #expect(parked.header(.asker) == "client")
            #expect(parked.header("colour") == "red")
            #expect(parked.header("delay") == nil)
            let first = try #require(parked.header(.firstFailed).flatMap(Timestamp.init))
            let last = try #require(parked.header(.lastFailed).flatMap(Timestamp.init))
            #expect(first < last)
            #expect(weather.count("a") == 5)
            #expect(try await network.total(after: 1) == 0)
        }
    }

    @Test(arguments: [
        Problem(.invalid, "no"), Problem(.notFound, "no"), Problem(.refusedTransition, "no"),
        Problem(.noCapacity, "no"),
    ])
    func `a command that no later try helps is answered at once`(_ problem: Problem) async throws {
        try await withBank { _ in
            weather.spoil("a", problem)
            await network.send("test.add.v1", #"{"amount": 5}"#)
            let slug = try await network.problem(1)
            #expect(slug == problem.kind.rawValue)
            #expect(network.broker.messages(in: "retry.1s").isEmpty)
            #expect(network.broker.messages(in: "bank.parked").isEmpty)
        }
    }

    @Test func `a query and an offer request are answered at once whatever happened`() async throws {
        try await withBank { _ in
            weather.spoil("get")
            await network.send("test.get.v1", "{}", id: nil)
            let first = try await network.problem(1)
            #expect(first == "internal")
            weather.spoil("a")
            await network.send("test.add.v1", #"{"amount": 5}"#, to: "offer.request.any", exchange: "offers")
            let second = try await network.problem(2)
            #expect(second == "internal")
            #expect(network.broker.messages(in: "retry.1s").isEmpty)
            #expect(network.broker.messages(in: "bank.parked").isEmpty)
        }
    }

    @Test func `an event that no try helps is parked at once, one that fails for a while waits`() async throws {
        try await withBank { _ in
            weather.spoil("fact 1", Problem(.notFound, "no such thing"))
            await network.send("test.fact.v1", #"{"number": 1}"#, replyTo: nil)
            _ = try await network.messages("bank.parked", count: 1)
            weather.spoil("fact 2", Problem(.noCapacity, "not now"))
            await network.send("test.fact.v1", #"{"number": 2}"#, id: "m2", replyTo: nil)
            _ = try await network.waiting(.second)
            #expect(network.broker.messages(in: "answers").isEmpty)
        }
    }

    @Test func `a copy by its sender meanwhile begins nothing, and the answer goes where it says`() async throws {
        try await withBank { _ in
            weather.spoil("a")
            await network.send("test.add.v1", #"{"amount": 5}"#)
            _ = try await network.waiting(.second)
            await network.send("test.add.v1", #"{"amount": 5}"#, replyTo: "client.client.2", correlationID: "c2")
            #expect(try await network.total(after: 0) == 0)
            #expect(weather.count("a") == 1)
            weather.spoil("a", nil)
            try await network.pass(.second)
            let answer = try await network.messages("answers", count: 2)[1]
            #expect(answer.key == "client.client.2")
            #expect(answer.correlationID == "c2")
            #expect(network.broker.messages(in: "retry.1s").isEmpty)
        }
    }

    @Test func `after it came back, copies by its sender are known under their first key`() async throws {
        try await withBank { _ in
            weather.spoil("a")
            await network.send("test.add.v1", #"{"amount": 5}"#)
            _ = try await network.waiting(.second)
            weather.spoil("a", nil)
            try await network.pass(.second)
            _ = try await network.messages("answers", count: 1)
            await network.send("test.add.v1", #"{"amount": 5}"#)
            let answers = try await network.messages("answers", count: 2)
            #expect(answers[1].body == ["sum": 5])
            #expect(answers[1].id == answers[0].id)
            #expect(try await network.total(after: 2) == 5)
        }
    }

    @Test func `a copy that waited and is delivered twice has one effect`() async throws {
        try await withBank { _ in
            weather.spoil("a")
            await network.send("test.add.v1", #"{"amount": 5}"#)
            let first = try await network.waiting(.second)[0]
            try await network.pass(.second)
            _ = try await network.waiting(.tenSeconds)
            await network.giveBack(first)
            #expect(try await network.total(after: 0) == 0)
            #expect(weather.count("a") == 2, "the older copy is not handled any more")
            weather.spoil("a", nil)
            let second = network.broker.messages(in: "retry.10s")[0]
            try await network.pass(.tenSeconds)
            _ = try await network.messages("answers", count: 2)
            await network.giveBack(second)
            await network.giveBack(first)
            #expect(try await network.total(after: 2) == 5)
            #expect(weather.count("a") == 3)
        }
    }

    @Test func `a late copy of what was parked is not handled, a replay is, once`() async throws {
        try await withBank(retries: RetrySchedule([.second])) { _ in
            weather.spoil("a")
            await network.send("test.add.v1", #"{"amount": 5}"#, replyTo: nil)
            let copy = try await network.waiting(.second)[0]
            try await network.pass(.second)
            _ = try await network.messages("bank.parked", count: 1)
            weather.spoil("a", nil)
            await network.giveBack(copy)
            #expect(try await network.total(after: 0) == 0)
            let parked = network.broker.messages(in: "bank.parked")[0]
            for _ in 1...2 { await network.replay(parked) }
            #expect(try await network.total(after: 1) == 5)
        }
    }

    @Test func `what was parked at once is parked once, and may be replayed`() async throws {
        try await withBank { _ in
            weather.spoil("fact 1", Problem(.notFound, "no such thing"))
            // The second as RabbitMQ delivers it again where the worker died before it could acknowledge.
            for _ in 1...2 { await network.send("test.fact.v1", #"{"number": 1}"#, replyTo: nil) }
            #expect(try await network.total(after: 0) == 0)
            #expect(network.broker.messages(in: "bank.parked").count == 1)
            weather.spoil("fact 1", nil)
            let parked = network.broker.messages(in: "bank.parked")[0]
            for _ in 1...2 { await network.replay(parked) }
            _ = try await network.messages("facts", count: 1)
            #expect(try await network.total(after: 1) == 0)
            #expect(network.broker.messages(in: "facts").count == 1)
        }
    }

    @Test func `who was told of a fault may send the same again, and a replay of it then does nothing`() async throws {
        try await withBank(retries: .none) { _ in
            weather.spoil("a")
            await network.send("test.add.v1", #"{"amount": 5}"#)
            #expect(try await network.problem(1) == "internal")
            weather.spoil("a", nil)
            await network.send("test.add.v1", #"{"amount": 5}"#)
            #expect(try await network.messages("answers", count: 2)[1].body == ["sum": 5])
            let parked = try #require(network.broker.messages(in: "bank.parked").first)
            await network.replay(parked)
            #expect(try await network.messages("answers", count: 3)[2].body == ["sum": 5], "the answer it has")
            #expect(try await network.total(after: 3) == 5)
        }
    }

    @Test func `a command is not tried again after its deadline`() async throws {
        let now = Timestamp.now()
        try await withBank(at: now) { _ in
            weather.spoil("a")
            let deadline = now + .seconds(5)
            await network.send(
                "test.add.v1", #"{"amount": 5}"#, headers: ["deadline": .string(deadline.description)])
            try await network.pass(.second)
            // The next try would come ten seconds later: who waits is told now.
            #expect(try await network.problem(1) == "internal")
            #expect(try await network.messages("bank.parked", count: 1).count == 1)
            #expect(network.broker.messages(in: "retry.10s").isEmpty)
        }
    }

    @Test func `a worker that starts anew goes on where the old one was`() async throws {
        let store = MemoryStore()
        weather.spoil("a")
        try await withBank(store: store) { _ in
            await network.send("test.add.v1", #"{"amount": 5}"#)
            _ = try await network.waiting(.second)
        }
        try await withBank(store: store) { _ in
            try await network.pass(.second)
            #expect(try await network.waiting(.tenSeconds)[0].properties.headers["attempt"] == .int(2))
            weather.spoil("a", nil)
            try await network.pass(.tenSeconds)
            #expect(try await network.messages("answers", count: 1)[0].body == ["sum": 5])
        }
        try await expectNothingRemembered(store)
    }

    @Test func `a stranger's headers are not believed`() async throws {
        network.broker.declareQueue("bank", bindings: [("requeue", "stranger")])
        try await withBank { _ in
            await network.send(
                "test.add.v1", #"{"amount": 5}"#, to: "stranger", replyTo: nil, exchange: "requeue",
                headers: ["asker": .string("operator"), "original_key": .string("elsewhere")])
            let fact = try await network.messages("facts", count: 1)[0]
            #expect(fact.body == ["sum": 5])
            await network.send("test.add.v1", "{", id: "m2", to: "stranger", replyTo: nil, exchange: "requeue")
            _ = try await network.messages("bank.parked", count: 1)
            #expect(network.broker.messages(in: "bank.parked")[0].header(.asker) == "client")
        }
    }

    @Test func `headers that are too large for a frame are left out, those of the contract stay`() async throws {
        try await withBank { _ in
            weather.spoil("a", Problem(.internalFault, String(repeating: "é", count: 100_000)))
            await network.send(
                "test.add.v1", #"{"amount": 5}"#,
                headers: [
                    "large": .string(String(repeating: "x", count: 100_000)), "cloudEvents_subject": .string("s"),
                ])
            let copy = try await network.waiting(.second)[0]
            #expect(copy.header("large") == nil)
            #expect(copy.header("cloudEvents_subject") == "s")
            #expect((copy.header(.reason)?.utf8.count ?? 0) < 3_000)
        }
    }

    @Test func `schedules are read as they are written, and name only queues that there are`() {
        #expect(RetrySchedule("1s,10s,1m,10m") == .standard)
        #expect(RetrySchedule("1s,1s") == RetrySchedule([.second, .second]))
        #expect(RetrySchedule("none") == RetrySchedule.none)
        for text in ["", "2s", "1s,", "1s, 10s", "1s;10s"] { #expect(RetrySchedule(text) == nil) }
    }
}

/// Checks that the bus has nothing left of messages that have come to their end.
func expectNothingRemembered(_ store: any Store, sourceLocation: SourceLocation = #_sourceLocation) async throws {
    let left = try await store.transact { transaction in
        try ["bus.retry", "bus.waiting", "bus.suspect"].flatMap {
            try transaction.states(ofKind: $0, group: nil, after: nil, limit: 10).map(\.key)
        }
    }
    #expect(left == [], sourceLocation: sourceLocation)
    let timers = try await store.transact { try $0.nextTimer() }
    #expect(timers == nil, sourceLocation: sourceLocation)
}
