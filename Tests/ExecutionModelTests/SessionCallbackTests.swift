import ExecutionModel
import Testing
import Wire

struct CallbackTests {
    static func read(_ json: JSON) throws -> Callback {
        let reader = JSONReader(["callback": json])
        let callback = reader.object("callback").flatMap { Callback.read($0, user: "ada", correlation: "c-1") }
        try reader.finish()
        return try #require(callback)
    }

    @Test func `what is not said has its default`() throws {
        let callback = try CallbackTests.read(["type": "amqp", "address": "client.ada.sessions"])
        #expect(callback == Callback(address: "client.ada.sessions", correlation: "c-1"))
        #expect(callback.phases == nil)
        #expect(callback.once == false)
        #expect(callback.content == [.session, .phase])
    }

    @Test func `everything is read`() throws {
        let callback = try CallbackTests.read([
            "type": "http", "address": "https://example.org/hook",
            "criteria": ["phases": ["AVAILABLE", "FAILED"], "once": true], "content": ["session", "connectors"],
        ])
        #expect(
            callback
                == Callback(
                    type: .http, address: "https://example.org/hook", phases: [.available, .failed], once: true,
                    content: [.session, .connectors], correlation: "c-1"))
    }

    @Test func `the short form and any are words of their own`() throws {
        let callback = try CallbackTests.read([
            "type": "amqp", "address": "client.ada.x", "criteria": ["phases": "any"], "content": ["session.phase"],
        ])
        #expect(callback.content == nil)
        #expect(callback.phases == nil)
    }

    static let faults: [(pointer: String, callback: JSON)] = [
        ("/callback/type", ["address": "client.ada.x"]),
        ("/callback/type", ["type": "pigeon", "address": "client.ada.x"]),
        ("/callback/address", ["type": "amqp"]),
        ("/callback/address", ["type": "amqp", "address": "client.bob.x"]),
        ("/callback/address", ["type": "amqp", "address": "client.ada."]),
        ("/callback/address", ["type": "amqp", "address": "client.ada"]),
        ("/callback/address", ["type": "amqp", "address": "client.ada.a b"]),
        ("/callback/address", ["type": "http", "address": "http://example.org"]),
        ("/callback/criteria", ["type": "amqp", "address": "client.ada.x", "criteria": "any"]),
        ("/callback/criteria/phases", ["type": "amqp", "address": "client.ada.x", "criteria": ["phases": []]]),
        (
            "/callback/criteria/phases",
            ["type": "amqp", "address": "client.ada.x", "criteria": ["phases": ["READY"]]]
        ),
        ("/callback/criteria/once", ["type": "amqp", "address": "client.ada.x", "criteria": ["once": 1]]),
        ("/callback/content", ["type": "amqp", "address": "client.ada.x", "content": ["token"]]),
        ("/callback/content", ["type": "amqp", "address": "client.ada.x", "content": ["session.phase", "time"]]),
        ("/callback/content", ["type": "amqp", "address": "client.ada.x", "content": "phase"]),
    ]

    @Test(arguments: faults.indices)
    func `a wrong callback says where`(index: Int) throws {
        let (pointer, callback) = CallbackTests.faults[index]
        let problem = try #require(#expect(throws: Problem.self) { try CallbackTests.read(callback) })
        #expect(problem.errors.map(\.pointer) == [pointer])
    }

    /// Criteria, and of which phases of a whole life they tell.
    static let table: [(phases: Set<Phase>?, once: Bool, told: [Phase])] = [
        (nil, false, [.accepted, .preparing, .available, .releasing, .completed]),
        (nil, true, [.accepted, .completed]),
        ([.available], false, [.available, .completed]),
        ([.available], true, [.available, .completed]),
        ([.preparing, .available], true, [.preparing, .completed]),
        ([.preparing, .available], false, [.preparing, .available, .completed]),
        ([.completed], true, [.completed]),
        ([.running], false, [.completed]),
        ([.offered], false, [.completed]),
    ]

    @Test(arguments: table.indices)
    func `a callback tells of the phases it was registered for, and of the end`(index: Int) throws {
        let (phases, once, told) = CallbackTests.table[index]
        let callback = Callback(address: "client.ada.x", phases: phases, once: once, content: [.phase])
        var play = SessionPlay(makeSession())
        try play.play([.offered, setPhase(.accepted, callback: callback)])
        try play.play(Array(Way.releasing.dropFirst(2)) + Way.released)
        #expect(play.callbacks == told.map { ["phase": .string($0.rawValue)] })
    }

    @Test func `a criterion that is met already fires at once`() throws {
        var play = try Situation.available.play()
        let callback = Callback(address: "client.ada.x", phases: [.available], once: true, correlation: "c-7")
        let actions = try play.play(setPhase(.accepted, callback: callback))
        let expected = CallbackMessage(
            session: play.session.id, type: .amqp, address: "client.ada.x",
            body: ["session": .string(play.session.id.description), "phase": "AVAILABLE"], sequence: 1,
            correlation: "c-7")
        #expect(actions.first == .callBack(expected))
        try play.play(setPhase(.cancelled))
        #expect(play.callbacks.last?["phase"] == "CANCELLED")
        #expect(play.callbacks.count == 2)
    }

    @Test func `the short form is one field`() throws {
        var play = try Situation.available.play()
        try play.play(setPhase(.accepted, callback: Callback(address: "client.ada.x", content: nil)))
        #expect(play.callbacks == [["content": "session.phase: AVAILABLE"]])
    }

    @Test func `a callback to the owner's own address may hold the way in, while there is one`() throws {
        var play = try Situation.preparing.play()
        let callback = Callback(address: "client.ada.x", content: [.phase, .connectors])
        try play.play(setPhase(.accepted, callback: callback))
        try play.play(Array(Way.releasing.dropFirst(Way.accepted.count)))
        let locations = play.callbacks.map { $0["connectors"]?[0]?["location"] }
        #expect(locations == [nil, .string(sessionURL), nil])
    }

    @Test func `callbacks to one address are counted together`() throws {
        var play = try Situation.preparing.play()
        try play.play(setPhase(.accepted, callback: Callback(address: "client.ada.x", content: [.phase])))
        try play.play(setPhase(.accepted, callback: Callback(address: "client.ada.x", phases: [.cancelled])))
        try play.play(setPhase(.accepted, callback: Callback(address: "client.ada.y")))
        try play.play(setPhase(.cancelled))
        let counted = play.actions.compactMap { action -> String? in
            if case .callBack(let message) = action { "\(message.address) \(message.sequence)" } else { nil }
        }
        #expect(
            counted == [
                "client.ada.x 1", "client.ada.y 1", "client.ada.x 2", "client.ada.x 3", "client.ada.y 2",
            ])
    }

    @Test func `the same callback again takes the place of the first`() throws {
        var play = try Situation.preparing.play()
        let callback = Callback(address: "client.ada.x", phases: [.available])
        try play.play(setPhase(.accepted, callback: callback))
        try play.play(setPhase(.accepted, callback: callback))
        #expect(play.session.callbacks.count == 1)
    }

    @Test func `a session has only so many callbacks`() throws {
        var play = try Situation.preparing.play()
        for number in 0..<16 {
            try play.play(setPhase(.accepted, callback: Callback(address: "client.ada.\(number)")))
        }
        let problem = #expect(throws: Problem.self) {
            try play.play(setPhase(.accepted, callback: Callback(address: "client.ada.more")))
        }
        #expect(problem?.kind == .invalid)
        #expect(problem?.errors.map(\.pointer) == ["/callback"])
    }

    @Test func `a refused acceptance registers nothing`() throws {
        var play = SessionPlay(makeSession())
        try play.play([.offered, setPhase(.accepted, callback: Callback(address: "client.ada.x"))])
        try play.play(.permission(identifier(1), .denied("no")))
        try play.play(setPhase(.rejected))
        #expect(play.callbacks.isEmpty)
    }
}
