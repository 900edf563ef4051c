import AMQP
import Store
import TestSupport
import Testing
import Wire

@testable import MessageBus

/// A message that ends its worker is found out and parked; those that were only beside it are not.
@Suite struct SuspectTests {
    private let network = MemoryNetwork()

    private func key(_ id: String) -> StateKey {
        StateKey(kind: SuspectMark.kind, id: (["client", .string(id)] as JSON).text)
    }

    /// A store as a worker leaves it that ended so often while it handled a message.
    private func store(kills: Int64, of id: String) async throws -> MemoryStore {
        let store = MemoryStore()
        let state = StoredState(key: key(id), bytes: try encodeState(SuspectMark(kills: kills, since: .now())))
        try await store.transact { try $0.save(state) }
        return store
    }

    @Test func `a suspect is handled, and its mark goes with what comes of it`() async throws {
        let store = MemoryStore()
        try await network.withBank(store: store) { _ in
            await network.send("test.add.v1", #"{"amount": 1}"#, headers: ["x-delivery-count": .int(15)])
            let answer = try await network.messages("answers", count: 1)[0]
            #expect(answer.body == ["sum": 1])
        }
        #expect(network.broker.messages(in: "bank.parked").isEmpty)
        try await expectNothingRemembered(store)
    }

    @Test func `a message that ended its worker three times is parked, its sender told, and the others served`()
        async throws
    {
        let store = try await store(kills: 3, of: "m1")
        try await network.withBank(store: store) { _ in
            let often: [String: AMQPValue] = ["x-delivery-count": .int(6)]
            await network.send("test.add.v1", #"{"amount": 1}"#, id: "before", headers: often)
            await network.send("test.add.v1", #"{"amount": 2}"#, id: "m1", headers: often)
            await network.send("test.add.v1", #"{"amount": 4}"#, id: "after", headers: often)
            let answers = try await network.messages("answers", count: 3)
            #expect(answers.map { $0.body["sum"]?.int } == [1, nil, 5])
            #expect(network.slug(answers[1]) == "internal")
            let parked = network.broker.messages(in: "bank.parked")
            #expect(parked.map(\.properties.messageID) == ["m1"])
            #expect(parked[0].header(.reason) == "internal: its worker ended 3 times while handling it")
            #expect(parked[0].properties.headers["attempt"] == .int(3))
        }
        try await expectNothingRemembered(store)
    }

    @Test func `a mark is written before the message is handled, and counts`() async throws {
        let store = MemoryStore()
        let intake = Intake(address: "bank", accepts: Bank.accepts, services: [])
        let context = BatchContext(address: "bank", intake: intake, since: .now())
        var message = Outgoing(
            exchange: .commands, key: "bank", type: "test.add.v1", id: "m1", time: .now(), body: ["amount": 1])
        message.replyTo = "client.client.1"
        let delivery = message.delivery(to: "bank", user: "client")
        for count in 1...4 {
            let isHandled = try await store.transact { transaction in
                var batch = Batch<Bank>(context, transaction, now: .now())
                return try batch.judge(delivery)
            }
            #expect(isHandled == (count <= 3))
        }
    }

    @Test func `what cannot be read is parked as well when it ended its worker`() async throws {
        let store = try await store(kills: 3, of: "m1")
        try await network.withBank(store: store) { _ in
            await network.send("test.add.v1", "{{{", id: "m1", headers: ["x-delivery-count": .int(6)])
            let parked = try await network.messages("bank.parked", count: 1)
            #expect(parked[0].body == "{{{")
            #expect(try await network.problem(1) == "internal")
        }
    }

    @Test func `of a message without an id the bytes are marked`() {
        func delivery(_ text: String) -> AMQPDelivery {
            var properties = AMQPProperties()
            properties.userID = "client"
            return AMQPDelivery(
                queue: "bank", exchange: "commands", routingKey: "bank", isRedelivered: true, properties: properties,
                body: Array(text.utf8))
        }
        func mark(_ text: String) -> StateKey {
            SuspectMark.key(of: delivery(text), Origin(delivery(text), at: "bank"))
        }
        #expect(mark("a") == mark("a"))
        #expect(mark("a") != mark("b"))
    }

    @Test(arguments: [
        ([], [0]), ([0, 1, 2], [3]), ([3], [-1]), ([0, 3, 0, 0, 5, 9, 2], [1, -1, 2, -1, -1, 1]),
    ])
    func `suspects stand alone, the others together, in the order in which they came`(_ counts: [Int64], _ sizes: [Int])
    {
        let deliveries = counts.enumerated().map { index, count in
            var properties = AMQPProperties()
            properties.messageID = "\(index)"
            if count > 0 { properties.headers["x-delivery-count"] = .int(count) }
            return AMQPDelivery(
                queue: "bank", exchange: "commands", routingKey: "bank", isRedelivered: count > 0,
                properties: properties, body: [])
        }
        let turns = Turn.split(deliveries, suspectsAfter: 3)
        #expect(turns.flatMap(\.deliveries) == deliveries)
        // A suspect is written as -1.
        #expect(turns.map { $0.isSuspect ? -$0.deliveries.count : $0.deliveries.count } == sizes)
    }

    @Test func `a worker that finds a mark takes one message at a time, and many again when it is calm`() async throws {
        let store = try await store(kills: 1, of: "gone")
        try await network.withBank(store: store, settings: { $0.prefetch = 5 }) { _ in
            for number in 1...12 { await network.send("test.add.v1", #"{"amount": 1}"#, id: "m\(number)") }
            let answers = try await network.messages("answers", count: 12)
            #expect(answers.last?.body == ["sum": 12])
        }
    }

    @Test func `caution ends after enough in a row that were no suspects`() {
        var caution = Caution(calmAfter: 3)
        let isSuspect = [false, false, true, false, false, false]
        let ends = isSuspect.map { caution.note([Turn(deliveries: [delivery], isSuspect: $0)]) }
        #expect(ends == [false, false, false, false, false, true])
    }

    private var delivery: AMQPDelivery {
        AMQPDelivery(
            queue: "bank", exchange: "commands", routingKey: "bank", isRedelivered: false, properties: AMQPProperties(),
            body: [])
    }
}
