import MessageBus
import Testing
import Wire
import WorkstepEditor

@Suite struct WorkstepEditorTests {
    private let harness = DecisionHarness(
        WorkstepEditor(), address: "workstep-editor", now: aTuesday, services: ["global-execution"])

    private let executable: JSON = [
        "kind": "https://example.org/kinds/executable/jupyter-notebook.yaml", "meta": ["name": "nb"],
        "unknown": [1, 2],
    ]

    private func send(_ verb: String, _ body: JSON, from sender: String = "ada", onBehalfOf: Caller? = nil) async throws
        -> DecisionHarness<WorkstepEditor>.Effects
    {
        try await harness.send("srcnet.workstep.\(verb).v1", body, from: sender, onBehalfOf: onBehalfOf)
    }

    private func create(_ workstep: JSON? = nil, from sender: String = "ada") async throws -> JSON {
        try await send("create", .object(compacting: ["from": "empty", "workstep": workstep]), from: sender).reply()
            .json
    }

    private func uuid(_ workstep: JSON) throws -> JSON { .string(try #require(workstep["uuid"]?.string)) }

    @Test func `a workstep made from nothing has a uuid, revision 1 and its owner`() async throws {
        let effects = try await send("create", ["from": "empty"])
        let reply = try effects.reply()
        #expect(reply.type == "srcnet.workstep.v1")
        #expect(reply.json["revision"] == 1)
        #expect(reply.json["owner"] == ["iss": "urn:srcnet:rabbitmq", "sub": "ada"])
        let uuid = try #require(reply.json["uuid"]?.string)
        #expect(isUUID(uuid))
        #expect(effects.eventKeys == ["workstep.global.created.\(uuid)"])
        let event = try #require(effects.messages(of: "srcnet.event.workstep.v1").first)
        #expect(
            event.json == [
                "uuid": .string(uuid), "revision": 1, "owner": ["iss": "urn:srcnet:rabbitmq", "sub": "ada"],
            ])
        #expect(event.sequence == 1)
    }

    @Test func `parts may be given at once, and are read back as they came`() async throws {
        let created = try await create(["executable": executable, "data": [["kind": "x"]], "strange": 1])
        let read = try await send("get", ["uuid": uuid(created)]).reply().json
        #expect(read == created)
        #expect(read["executable"] == executable)
        #expect(read["data"] == [["kind": "x"]])
        #expect(read["strange"] == nil)
    }

    @Test(
        arguments: [
            (
                ["from": "empty", "workstep": ["executable": 1, "data": [1]]],
                ["/workstep/executable", "/workstep/data/0"]
            ),
            (["from": "discovery", "url": "https://example.org"], ["/from"]), (["from": "data"], ["/from"]),
            (["from": "nothing"], ["/from"]), (["from": 1], ["/from"]), ([:], ["/from"]),
            (["from": "empty", "workstep": []], ["/workstep"]),
        ] as [(JSON, [String])])
    func `what a workstep cannot be made from is invalid`(body: JSON, pointers: [String]) async throws {
        #expect(Set(try await send("create", body).faults()) == Set(pointers))
    }

    @Test func `a source that is not there yet is told from one that does not exist`() async throws {
        let absent = try await send("create", ["from": "template"]).problem()
        #expect(absent.errors.first?.detail == "template is not available in this deployment: only empty is")
        let unknown = try await send("create", ["from": "air"]).problem()
        #expect(
            unknown.errors.first?.detail
                == "must be one of empty, data, template, discovery, history, provenance")
    }

    @Test func `each edit sets one part and counts the revision up`() async throws {
        let id = try uuid(await create())
        let effects = try await send("edit", ["uuid": id, "set": "executable", "value": executable])
        #expect(try effects.reply().json["revision"] == 2)
        #expect(try effects.reply().json["executable"] == executable)
        #expect(effects.eventKeys == ["workstep.global.edited.\(id.string ?? "")"])
        #expect(effects.messages(of: "srcnet.event.workstep.v1").first?.sequence == 2)
        for (part, value) in [("compute", [:]), ("data", [[:]]), ("storage", []), ("schedule", [:])] as [(JSON, JSON)] {
            let reply = try await send("edit", ["uuid": id, "set": part, "value": value]).reply()
            #expect(reply.json[part.string ?? ""] == value)
        }
        let cleared = try await send("edit", ["uuid": id, "set": "data", "value": .null]).reply().json
        #expect(cleared["data"] == nil)
        #expect(cleared["revision"] == 7)
        #expect(cleared["executable"] == executable)
    }

    @Test func `an edit of a revision that is no more is a conflict and changes nothing`() async throws {
        let id = try uuid(await create())
        #expect(
            try await send("edit", ["uuid": id, "revision": 1, "set": "data", "value": []]).reply().json["revision"]
                == 2)
        let conflict = try await send("edit", ["uuid": id, "revision": 1, "set": "data", "value": [[:]]]).problem()
        #expect(conflict.kind == .revisionConflict)
        #expect(conflict.members["revision"] == 2)
        #expect(try await send("get", ["uuid": id, "revision": 1]).problem().kind == .revisionConflict)
        #expect(try await send("get", ["uuid": id, "revision": 2]).reply().json["data"] == [])
        #expect(try await send("execute", ["uuid": id, "revision": 1]).problem().kind == .revisionConflict)
    }

    @Test(
        arguments: [
            (["set": "executable", "value": [:]], ["/uuid"]),
            (["uuid": "no uuid", "set": "executable", "value": [:]], ["/uuid"]),
            (["uuid": .string(nobody), "set": "owner", "value": [:]], ["/set"]),
            (["uuid": .string(nobody), "set": "data", "value": [:]], ["/value"]),
            (["uuid": .string(nobody), "set": "compute", "value": []], ["/value"]),
            (["uuid": .string(nobody), "set": "compute"], ["/value"]),
            (["uuid": .string(nobody), "revision": 0, "set": "data", "value": [1]], ["/revision", "/value/0"]),
        ] as [(JSON, [String])])
    func `what is wrong with an edit is invalid, before it is looked for`(body: JSON, pointers: [String]) async throws {
        #expect(Set(try await send("edit", body).faults()) == Set(pointers))
    }

    @Test(arguments: ["get", "edit", "execute"])
    func `a uuid of nobody is not found, and somebody else's is not authorised`(verb: String) async throws {
        let own = try uuid(await create())
        for (id, kind) in [(JSON.string(nobody), Problem.Kind.notFound), (own, .notAuthorised)] {
            let problem = try await send(verb, ["uuid": id, "set": "data", "value": []], from: "ben").problem()
            #expect(problem.kind == kind)
        }
    }

    @Test func `a service reads a workstep for its owner only`() async throws {
        let id = try uuid(await create())
        let ada = try await send("get", ["uuid": id], from: "global-execution", onBehalfOf: Caller(sub: "ada"))
        #expect(try ada.reply().type == "srcnet.workstep.v1")
        let ben = try await send("get", ["uuid": id], from: "global-execution", onBehalfOf: Caller(sub: "ben"))
        #expect(try ben.problem().kind == .notAuthorised)
    }

    @Test func `lists hold one's own worksteps, page by page`() async throws {
        var own: [String] = []
        for _ in 0..<5 { own.append(try #require(try await create()["uuid"]?.string)) }
        _ = try await create(from: "ben")
        _ = try await send("edit", ["uuid": .string(own[0]), "set": "executable", "value": executable])
        var seen: [String] = []
        var after: JSON?
        repeat {
            let body = JSON.object(compacting: ["limit": 2, "after": after])
            let reply = try await send("list", body).reply()
            #expect(reply.type == "srcnet.worksteps.v1")
            let page = try #require(reply.json["worksteps"]?.array)
            seen += page.compactMap { $0["uuid"]?.string }
            for summary in page where summary["uuid"]?.string == own[0] {
                #expect(summary["name"] == "nb")
                #expect(summary["revision"] == 2)
                #expect(summary["executable"] == nil)
            }
            after = reply.json["next"]
        } while after != nil
        #expect(seen == own.sorted())
        #expect(Set(try await send("list", ["limit": 0, "after": "x"]).faults()) == ["/limit", "/after"])
        #expect(try await send("list", [:], from: "cleo").reply().json == ["worksteps": []])
    }

    @Test func `executing passes the whole workstep on, so that the answer goes straight to who asked`() async throws {
        let id = try uuid(await create(["executable": executable, "compute": ["cores": ["min": 1]]]))
        let effects = try await harness.send(
            "srcnet.workstep.execute.v1",
            ["uuid": id, "mode": "interactive", "deadline": "2026-11-24T10:00:02Z", "other": 1], from: "ada",
            id: "execute-1", replyTo: "client.ada.1", correlationID: "c-1")
        let passed = try #require(effects.messages.first)
        #expect(effects.messages.count == 1)
        #expect(passed.exchange == .commands)
        #expect(passed.key == "global-execution")
        #expect(passed.type == "srcnet.workstep.submit.v1")
        #expect(passed.replyTo == "client.ada.1")
        #expect(passed.correlationID == "c-1")
        #expect(passed.onBehalfOf == Caller(sub: "ada"))
        #expect(
            passed.json == [
                "workstep": [
                    "uuid": id, "revision": 1, "executable": executable, "compute": ["cores": ["min": 1]],
                ], "mode": "interactive", "deadline": "2026-11-24T10:00:02Z",
            ])
        let again = try await harness.send(
            "srcnet.workstep.execute.v1",
            ["uuid": id, "mode": "interactive", "deadline": "2026-11-24T10:00:02Z", "other": 1], from: "ada",
            id: "execute-1", replyTo: "client.ada.2", correlationID: "c-2")
        #expect(again.messages.first?.id == passed.id, "the execution service knows the copy by its id")
        #expect(again.messages.first?.replyTo == "client.ada.2")
    }

    @Test func `the form of what is said about an execution is looked at`() async throws {
        let faults = try await send("execute", ["mode": 1, "deadline": "soon", "callback": "me"]).faults()
        #expect(Set(faults) == ["/uuid", "/mode", "/deadline", "/callback"])
    }

    @Test func `a workstep that would not fit into a message is not kept`() async throws {
        let id = try uuid(await create())
        let half: JSON = ["text": .string(String(repeating: "x", count: 600_000))]
        #expect(try await send("edit", ["uuid": id, "set": "executable", "value": half]).reply().json["revision"] == 2)
        let refused = try await send("edit", ["uuid": id, "set": "compute", "value": half]).problem()
        #expect(refused.kind == .tooLarge)
        #expect(try await send("get", ["uuid": id]).reply().json["revision"] == 2)
    }

    @Test func `a wrong command without a place for its answer is parked with the reason`() async throws {
        let effects = try await harness.send("srcnet.workstep.create.v1", [:], from: "ada", replyTo: nil)
        #expect(try effects.parkedReason().hasPrefix("invalid: /from: is required"))
        #expect(try await send("create", []).problem().kind == .malformed)
        #expect(try await send("burn", [:]).problem().kind == .unknownType)
    }

    @Test func `the same creation twice makes one workstep`() async throws {
        let body: JSON = ["from": "empty"]
        let first = try await harness.send("srcnet.workstep.create.v1", body, from: "ada", id: "m").reply()
        let again = try await harness.send("srcnet.workstep.create.v1", body, from: "ada", id: "m").reply()
        #expect(first.json == again.json)
        let other = try await harness.send("srcnet.workstep.create.v1", ["from": "data"], from: "ada", id: "m")
        #expect(try other.problem().kind == .idempotencyConflict)
        #expect(try await send("list", [:]).reply().json["worksteps"]?.array?.count == 1)
    }
}

private let nobody = "00000000-0000-4000-8000-000000000000"
