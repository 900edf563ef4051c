import AMQP
import MessageBus
import Store
import Synchronization
import TestSupport
import Testing
import Wire

@Suite struct LoopTests {
    @Test func `a command has its effect, its answer and its event`() async throws {
        let network = MemoryNetwork()
        try await network.withBank(store: MemoryStore()) { _ in
            await network.send("test.add.v1", #"{"amount": 5}"#)
            let answer = try await network.messages("answers", count: 1)[0]
            #expect(answer.type == "test.sum.v1")
            #expect(answer.body == ["sum": 5])
            #expect(answer.correlationID == "c1")
            let fact = try await network.messages("facts", count: 1)[0]
            #expect(fact.key == "test.added.a")
            #expect(fact.sequence == 1)
            #expect(fact.sender == "bank")
        }
    }

    @Test func `the same message again has no effect and gets the same answer at its newest address`() async throws {
        let network = MemoryNetwork()
        try await network.withBank(store: MemoryStore()) { _ in
            await network.send("test.add.v1", #"{"amount": 5}"#)
            _ = try await network.messages("answers", count: 1)
            await network.send("test.add.v1", #"{"amount": 5}"#, replyTo: "client.client.2", correlationID: "c2")
            let answers = try await network.messages("answers", count: 2)
            #expect(answers[1].body == ["sum": 5])
            #expect(answers[1].key == "client.client.2")
            #expect(answers[1].correlationID == "c2")
            #expect(answers[1].id == answers[0].id)
            await network.send("test.get.v1", "{}", id: nil)
            let found = try await network.messages("answers", count: 3)
            #expect(found[2].body["total"] == 5)
        }
    }

    @Test func `another message under a used id is a conflict, and the first answer stays`() async throws {
        let network = MemoryNetwork()
        try await network.withBank(store: MemoryStore()) { _ in
            await network.send("test.add.v1", #"{"amount": 5}"#)
            await network.send("test.add.v1", #"{"amount": 6}"#)
            let answers = try await network.messages("answers", count: 2)
            #expect(network.slug(answers[1]) == "idempotency-conflict")
            await network.send("test.add.v1", #"{"amount": 5}"#)
            let found = try await network.messages("answers", count: 3)
            #expect(found[2].body == ["sum": 5])
        }
    }

    struct Bad: Sendable, CustomTestStringConvertible {
        let name: String
        var type: String? = "test.add.v1"
        var body = #"{"amount": 1}"#
        var id: String? = "m1"
        var userID: String? = "client"
        var headers: [String: AMQPValue] = [:]
        let slug: String

        var testDescription: String { name }
    }

    static let bad: [Bad] = [
        Bad(name: "no JSON", body: "{", slug: "malformed"),
        Bad(name: "no object", body: "[1]", slug: "malformed"),
        Bad(name: "not UTF-8 text but empty", body: "", slug: "malformed"),
        Bad(
            name: "over the limit", body: #"{"x": ""# + String(repeating: "x", count: 1 << 20) + #""}"#,
            slug: "too-large"),
        Bad(name: "unknown type", type: "test.unknown.v1", slug: "unknown-type"),
        Bad(name: "no type", type: nil, slug: "unknown-type"),
        Bad(name: "nobody", userID: nil, slug: "not-authenticated"),
        Bad(name: "a token", headers: ["authorization": .string("Bearer x")], slug: "not-authenticated"),
        Bad(
            name: "for another without right", headers: ["on_behalf_of": .string(#"{"iss": "i", "sub": "s"}"#)],
            slug: "not-authenticated"),
        Bad(name: "a token that is no text", headers: ["authorization": .int(5)], slug: "not-authenticated"),
        Bad(name: "for another, but no text", headers: ["on_behalf_of": .int(5)], slug: "not-authenticated"),
        Bad(name: "a deadline that is a number", headers: ["deadline": .int(5)], slug: "invalid"),
        Bad(name: "a deadline beyond time", headers: ["deadline": .timestamp(.max)], slug: "invalid"),
        Bad(
            name: "too late by AMQP's timestamp", headers: ["deadline": .timestamp(1_577_836_800)],
            slug: "deadline-exceeded"),
        Bad(name: "no message id", id: nil, slug: "invalid"),
        Bad(name: "missing field", body: "{}", slug: "invalid"),
        Bad(name: "wrong field", body: #"{"amount": "five"}"#, slug: "invalid"),
        Bad(name: "too late", headers: ["deadline": .string("2020-01-01T00:00:00Z")], slug: "deadline-exceeded"),
        Bad(name: "no instant", headers: ["deadline": .string("soon")], slug: "invalid"),
    ]

    @Test(arguments: bad) func `a bad message gets its problem, changes nothing, and the next is served`(_ bad: Bad)
        async throws
    {
        let network = MemoryNetwork()
        try await network.withBank(store: MemoryStore()) { _ in
            await network.send(bad.type, bad.body, id: bad.id, userID: bad.userID, headers: bad.headers)
            await network.send("test.get.v1", "{}", id: nil)
            let answers = try await network.messages("answers", count: 2)
            #expect(network.slug(answers[0]) == bad.slug)
            #expect((answers[0].body["errors"] != nil) == (bad.slug == "invalid"), "each fault of `invalid` is named")
            #expect(answers[0].correlationID == "c1")
            #expect(answers[1].body == ["sum": 0, "total": 0])
            #expect(network.broker.messages(in: "bank.parked").isEmpty)
        }
    }

    @Test(arguments: bad) func `a bad message that asks for no answer is parked with the reason`(_ bad: Bad)
        async throws
    {
        let network = MemoryNetwork()
        try await network.withBank(store: MemoryStore()) { _ in
            await network.send(
                bad.type, bad.body, id: bad.id, replyTo: nil, userID: bad.userID, headers: bad.headers)
            _ = try await network.messages("bank.parked", count: 1)
            let parked = network.broker.messages(in: "bank.parked")[0]
            guard case .string(let reason) = parked.properties.headers["reason"] else {
                Issue.record("no reason")
                return
            }
            #expect(reason.hasPrefix(bad.slug))
            #expect(parked.body == Array(bad.body.utf8))
            #expect(parked.properties.headers["authorization"] == nil)
            #expect(parked.properties.headers["original_key"] == .string("bank"))
        }
    }

    @Test(arguments: ["client.other.1", "bank", "global-execution"])
    func `a user that wants the answer at another's address is parked and not answered`(_ address: String) async throws
    {
        let network = MemoryNetwork()
        try await network.withBank(store: MemoryStore()) { _ in
            await network.send("test.add.v1", #"{"amount": 1}"#, replyTo: address)
            _ = try await network.messages("bank.parked", count: 1)
            await network.send("test.get.v1", "{}", id: nil)
            let answers = try await network.messages("answers", count: 1)
            #expect(answers[0].body == ["sum": 0, "total": 0])
        }
    }

    @Test func `a problem that may pass is not remembered`() async throws {
        let network = MemoryNetwork()
        try await network.withBank(store: MemoryStore()) { _ in
            for number in 1...10 { await network.send("test.add.v1", #"{"amount": 1000}"#, id: "fill-\(number)") }
            await network.send("test.add.v1", #"{"amount": 1}"#, id: "over")
            await network.send("test.add.v1", #"{"amount": 1}"#, id: "over")
            let answers = try await network.messages("answers", count: 12)
            #expect(network.slug(answers[10]) == "no-capacity")
            #expect(network.slug(answers[11]) == "no-capacity")
            #expect(answers[10].id != answers[11].id)
        }
    }

    @Test func `a command that no queue takes comes back to who asked as a problem`() async throws {
        let network = MemoryNetwork()
        try await network.withBank(store: MemoryStore()) { _ in
            await network.send("test.ask.v1", "{}")
            let answer = try await network.messages("answers", count: 1)[0]
            #expect(network.slug(answer) == "unavailable")
        }
    }

    @Test func `a request that is passed on keeps where its answer goes, and a copy is passed on under the same id`()
        async throws
    {
        let network = MemoryNetwork()
        try await network.withBank(store: MemoryStore()) { _ in
            await network.send("test.forward.v1", #"{"account": "b"}"#)
            await network.send("test.forward.v1", #"{"account": "b"}"#, replyTo: "client.client.9")
            let passed = try await network.messages("other", count: 2)
            #expect(passed.map(\.id) == [passed[0].id, passed[0].id])
            let raw = network.broker.messages(in: "other")
            #expect(raw.map(\.properties.replyTo) == ["client.client.1", "client.client.9"])
            let asker = try JSON(parsing: try #require(raw[0].header("on_behalf_of")))
            #expect(asker["sub"] == "client")
            #expect(raw[0].properties.userID == "bank")
        }
    }

    @Test func `a timer fires once, also across a restart`() async throws {
        let network = MemoryNetwork()
        let store = MemoryStore()
        try await network.withBank(store: store) { _ in
            await network.send("test.later.v1", "{}")
            _ = try await network.messages("answers", count: 1)
        }
        try await network.withBank(store: store) { _ in
            let found = try await network.messages("facts", count: 1)
            #expect(found[0].body == ["account": "a"])
            await network.send("test.get.v1", "{}", id: nil)
            _ = try await network.messages("answers", count: 2)
        }
        #expect(network.broker.messages(in: "facts").count == 1)
    }

    @Test func `what is kept in memory is made anew from the store`() async throws {
        let network = MemoryNetwork()
        let store = MemoryStore()
        try await network.withBank(store: store) { _ in
            await network.send("test.add.v1", #"{"amount": 7}"#)
            _ = try await network.messages("answers", count: 1)
        }
        try await network.withBank(store: store) { _ in
            await network.send("test.get.v1", "{}", id: nil)
            let found = try await network.messages("answers", count: 2)
            #expect(found[1].body["total"] == 7)
        }
    }

    @Test func `what was committed and not published is published at the next start`() async throws {
        let network = MemoryNetwork()
        let store = MemoryStore()
        // A worker that died between commit and publish leaves just this behind.
        var message = Outgoing(
            exchange: .events, key: "test.left", type: "test.event.left.v1", id: "left", time: .now(), body: ["x": 1])
        message.isMandatory = true
        let (envelope, body) = (try encodeState(message), message.body)
        try await store.transact { _ = try $0.append(envelope: envelope, body: body) }
        try await network.withBank(store: store) { _ in
            let found = try await network.messages("facts", count: 1)
            #expect(found[0].id == "left")
        }
        let left = try await store.transact { try $0.outgoing(after: 0, limit: 10) }
        #expect(left.isEmpty)
    }

    @Test func `events of one subject are numbered without gaps, also when some decisions are refused`() async throws {
        let network = MemoryNetwork()
        try await network.withBank(store: MemoryStore()) { _ in
            for number in 1...20 {
                let amount = number.isMultiple(of: 3) ? 0 : 1
                await network.send("test.add.v1", #"{"amount": \#(amount)}"#, id: "m\(number)")
            }
            _ = try await network.messages("answers", count: 20)
        }
        let numbers = network.broker.messages(in: "facts").compactMap { $0.number("sequence") }
        #expect(numbers == Array(1...14))
    }

    @Test func `a ping is answered by every participant`() async throws {
        let network = MemoryNetwork()
        try await network.withBank(store: MemoryStore()) { _ in
            await network.send("srcnet.participant.ping.v1", "{}", id: nil)
            let answer = try await network.messages("answers", count: 1)[0]
            #expect(answer.type == "srcnet.participant.v1")
            #expect(answer.body["name"] == "bank")
        }
    }
}
