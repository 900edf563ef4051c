import ExecutionModel
import MessageBus
import Store
import Testing
import Wire

@testable import ExecutionBroker

@Suite struct ExecutionBrokerSessionsTests {
    static let wrongPhases: [(JSON, [String])] = [
        ([:], ["/session", "/phase"]),
        (["session": "x", "phase": "ACCEPTED"], ["/session"]),
        (["session": .string(uuid(1)), "phase": "SLEEPING"], ["/phase"]),
        (["session": .string(uuid(1)), "phase": 3], ["/phase"]),
        (["session": .string(uuid(1)), "phase": "ACCEPTED", "callback": "here"], ["/callback"]),
        (
            [
                "session": .string(uuid(1)), "phase": "ACCEPTED",
                "callback": ["type": "amqp", "address": "client.bob.x"],
            ],
            ["/callback/address"]
        ),
        (
            ["session": .string(uuid(1)), "phase": "ACCEPTED", "callback": ["type": "pigeon", "address": "roof"]],
            ["/callback/type"]
        ),
        (
            [
                "session": .string(uuid(1)), "phase": "ACCEPTED",
                "callback": ["type": "http", "address": "https://example.org/me"],
            ], ["/callback/type"]
        ),
        (
            [
                "session": .string(uuid(1)), "phase": "ACCEPTED",
                "callback": ["type": "amqp", "address": "client.ada.x", "criteria": ["phases": ["SLEEPING"]]],
            ], ["/callback/criteria/phases"]
        ),
        (
            [
                "session": .string(uuid(1)), "phase": "CANCELLED",
                "callback": ["type": "amqp", "address": "client.ada.x"],
            ], ["/callback"]
        ),
    ]

    @Test(arguments: wrongPhases)
    func `a set-phase that is wrong is invalid, before anything is looked up`(body: JSON, faults: [String])
        async throws
    {
        let site = try BrokerSite()
        #expect(try await site.send("srcnet.session.set-phase.v1", body).faults() == faults)
    }

    @Test func `http callbacks are refused in words`() async throws {
        let site = try BrokerSite()
        let session = try await site.offer()
        let effects = try await site.set(
            "ACCEPTED", session, callback: ["type": "http", "address": "https://example.org/me"])
        #expect(try effects.problem().errors.first?.detail == "http callbacks are not offered by this deployment")
    }

    @Test(arguments: ["srcnet.session.set-phase.v1", "srcnet.session.get.v1"])
    func `a uuid of nobody is not-found, and another's session not-authorised`(type: String) async throws {
        let site = try BrokerSite()
        let session = try await site.offer()
        let nobody = try await site.send(type, ["session": .string(uuid(5_000)), "phase": "ACCEPTED"], from: "bob")
        #expect(try nobody.problem().kind == .notFound)
        let bob = try await site.send(type, ["session": .string(session), "phase": "ACCEPTED"], from: "bob")
        #expect(try bob.problem().kind == .notAuthorised)
        // A name is not a person: who vouches for it counts too.
        let other = Caller(iss: "https://elsewhere.org", sub: "ada")
        let elsewhere = try await site.send(
            type, ["session": .string(session), "phase": "ACCEPTED"], from: "science-gateway", onBehalfOf: other)
        #expect(try elsewhere.problem().kind == .notAuthorised)
    }

    @Test func `a session that is none is invalid to get`() async throws {
        let site = try BrokerSite()
        #expect(try await site.send("srcnet.session.get.v1", ["session": "x"]).faults() == ["/session"])
    }

    @Test func `a wrong set-phase without reply_to is parked`() async throws {
        let site = try BrokerSite()
        let effects = try await site.send(
            "srcnet.session.set-phase.v1", ["session": .string(uuid(5_000)), "phase": "ACCEPTED"], replyTo: nil)
        #expect(try effects.parkedReason().hasPrefix("not-found"))
    }

    @Test func `what cannot follow is refused, with what can`() async throws {
        let site = try BrokerSite()
        let session = try await site.offer()
        for phase in ["OFFERED", "AVAILABLE", "RELEASING", "COMPLETED", "EXPIRED"] {
            let problem = try await site.set(phase, session).problem()
            #expect(problem.kind == .refusedTransition)
            #expect(problem.members["allowed"] == ["ACCEPTED", "REJECTED", "CANCELLED"])
        }
        try await site.set("REJECTED", session)
        #expect(try await site.set("REJECTED", session).problem().kind == .refusedTransition)
        try await site.expectAllFree()
    }

    @Test func `global-execution may reject, and nothing else, and only as itself`() async throws {
        let site = try BrokerSite()
        let session = try await site.offer()
        for phase in ["ACCEPTED", "CANCELLED"] {
            #expect(try await site.set(phase, session, from: "global-execution").problem().kind == .notAuthorised)
        }
        let bob = try await site.send(
            "srcnet.session.set-phase.v1", ["session": .string(session), "phase": "REJECTED"],
            from: "global-execution", onBehalfOf: Caller(sub: "bob"))
        #expect(try bob.problem().kind == .notAuthorised)
        let accepted = try await site.accept(session)
        #expect(try accepted.reply().json["phase"] == "ACCEPTED")
        #expect(try await site.set("REJECTED", session, from: "global-execution").problem().kind == .refusedTransition)
    }

    @Test func `a service acts for the owner`() async throws {
        let site = try BrokerSite()
        let session = try await site.offer()
        let effects = try await site.send(
            "srcnet.session.set-phase.v1", ["session": .string(session), "phase": "CANCELLED"],
            from: "science-gateway", onBehalfOf: Caller(sub: "ada"))
        #expect(try effects.reply().json["phase"] == "CANCELLED")
    }

    @Test func `the way in is shown while it can be used, and in no event`() async throws {
        let site = try BrokerSite()
        let session = try await site.makeAvailable()
        #expect(try await site.get(session)["connectors"]?[0]?["location"]?.string?.contains("secret") == true)
        #expect(!site.sent.contains { $0.exchange == .events && $0.json.text.contains("secret") })
        try await site.set("RELEASING", session)
        #expect(try await site.get(session)["connectors"] == [])
        try await site.releaseAll()
        #expect(try await site.phase(session) == "COMPLETED")
        let states = try await site.harness.store.transact {
            try $0.states(ofKind: "session", group: nil, after: nil, limit: 10)
        }
        #expect(!states.contains { String(decoding: $0.bytes, as: UTF8.self).contains("token\":\"secret") })
    }

    @Test func `the list has the asker's own, by phase and in pages`() async throws {
        let site = try BrokerSite(cores: 20, memory: 20)
        var sessions: [String] = []
        for _ in 0..<5 { sessions.append(try await site.offer()) }
        _ = try await site.offer(owner: "bob")
        try await site.set("REJECTED", sessions[0])
        let type = "srcnet.session.list.v1"
        let all = try await site.send(type, [:]).reply().json
        #expect(all["sessions"]?.array?.compactMap { $0["session"]?.string } == sessions.sorted())
        #expect(all["next"] == nil)
        let offered = try await site.send(type, ["phase": "OFFERED"]).reply().json
        #expect(offered["sessions"]?.array?.count == 4)
        var found: [String] = []
        var after: JSON?
        repeat {
            let page = try await site.send(
                type, .object(compacting: ["limit": 2, "phase": "OFFERED", "after": after])
            ).reply().json
            found += page["sessions"]?.array?.compactMap { $0["session"]?.string } ?? []
            after = page["next"]
        } while after != nil
        #expect(found == sessions.dropFirst().sorted())
        #expect(
            try await site.send(type, ["limit": 0, "after": "x", "phase": "y"]).faults().sorted() == [
                "/after", "/limit", "/phase",
            ])
    }

    @Test(arguments: ["srcnet.session.extend.v1", "srcnet.session.logs.v1"])
    func `what comes later is of unknown type now`(type: String) async throws {
        let site = try BrokerSite()
        #expect(try await site.send(type, ["session": .string(uuid(1))]).problem().kind == .unknownType)
    }
}

@Suite struct ExecutionBrokerCallbackTests {
    static func callback(_ phases: JSON = "any", once: Bool = false, content: JSON = ["session", "phase"]) -> JSON {
        [
            "type": "amqp", "address": "client.ada.callbacks", "criteria": ["phases": phases, "once": .bool(once)],
            "content": content,
        ]
    }

    @Test func `each phase is called back in order, with the correlation id of who registered`() async throws {
        let site = try BrokerSite()
        let session = try await site.makeAvailable(callback: Self.callback())
        try await site.set("RELEASING", session)
        try await site.releaseAll()
        #expect(
            site.callbacks.map { $0.json["phase"]?.string }
                == ["ACCEPTED", "PREPARING", "AVAILABLE", "RELEASING", "COMPLETED"])
        #expect(site.callbacks.map(\.sequence) == [1, 2, 3, 4, 5])
        #expect(Set(site.callbacks.map(\.correlationID)) == ["c-1"])
        #expect(Set(site.callbacks.map(\.type)) == ["srcnet.callback.v1"])
        #expect(Set(site.callbacks.map(\.key)) == ["client.ada.callbacks"])
        #expect(Set(site.callbacks.map(\.subject)) == [session])
    }

    @Test func `once is the first match and the end`() async throws {
        let site = try BrokerSite()
        let session = try await site.makeAvailable(callback: Self.callback(["PREPARING", "AVAILABLE"], once: true))
        try await site.set("CANCELLED", session)
        try await site.releaseAll()
        #expect(site.callbacks.map { $0.json["phase"]?.string } == ["PREPARING", "CANCELLED"])
    }

    @Test func `the short form has one field`() async throws {
        let site = try BrokerSite()
        _ = try await site.makeAvailable(callback: Self.callback(["AVAILABLE"], content: ["session.phase"]))
        #expect(site.callbacks.map(\.json) == [["content": "session.phase: AVAILABLE"]])
    }

    @Test func `a phase that is met already is called back at once`() async throws {
        let site = try BrokerSite()
        let session = try await site.makeAvailable()
        let effects = try await site.set(
            "ACCEPTED", session, callback: Self.callback(["AVAILABLE"]), correlationID: "late")
        #expect(effects.messages.filter { $0.exchange == .callbacks }.map(\.json["phase"]) == ["AVAILABLE"])
        #expect(effects.messages.first { $0.exchange == .callbacks }?.correlationID == "late")
        #expect(effects.messages(of: "srcnet.session.v1").count == 1)
    }

    @Test func `callbacks survive a restart`() async throws {
        let site = try BrokerSite()
        let session = try await site.offer()
        try await site.accept(session, callback: Self.callback(["AVAILABLE"]))
        try await site.restart()
        try await site.prepare()
        try await site.restart()
        try await site.complete(.canfar)
        #expect(site.callbacks.count == 1)
        #expect(try await site.phase(session) == "AVAILABLE")
    }
}
