import GlobalExecution
import MessageBus
import Testing
import Wire

@Suite struct SubmittingTests {
    private let network = GlobalNetwork()

    @Test func `parts are checked, then permissions are asked, and no broker before they allow it`() async throws {
        let effects = try await network.submit()
        #expect(effects.messages.count == 1)
        let question = try #require(effects.messages.first)
        #expect(question.key == "permissions")
        #expect(question.type == "srcnet.permission.check.v1")
        #expect(question.replyTo == "global-execution")
        #expect(
            question.json == [
                "subject": ["iss": "urn:srcnet:rabbitmq", "sub": "ada", "groups": []], "action": "workstep.submit",
                "resource": "interactive/jupyter-notebook",
            ])
        let request = try #require(try await network.permit(effects).messages(of: "srcnet.offer.request.v1").first)
        #expect(request.exchange == .offers)
        #expect(request.key == "offer.request.any")
        #expect(request.json["request"] == GlobalNetwork.parts, "fields that nobody here knows are passed on")
        #expect(request.json["owner"]?["sub"] == "ada")
        #expect(request.json["deadline"] == network.instant(in: 2_000), "2 s where no deadline is given")
        #expect(request.json["offerset"]?.string == request.correlationID)
        #expect(request.deadline == network.harness.now + .seconds(2))
        #expect(request.timeToLive == .seconds(2))
    }

    @Test func `a workstep by its uuid is asked of the editor on behalf of who submits`() async throws {
        let body: JSON = ["workstep": ["uuid": .string(uuid(7)), "revision": 3]]
        let question = try #require(try await network.submit(body).messages.first)
        #expect(question.key == "workstep-editor")
        #expect(question.type == "srcnet.workstep.get.v1")
        #expect(question.onBehalfOf == Caller(sub: "ada"))
        #expect(question.json == ["uuid": .string(uuid(7)), "revision": 3])
        var workstep = GlobalNetwork.parts
        workstep["uuid"] = .string(uuid(7))
        workstep["revision"] = 3
        workstep["owner"] = ["iss": "urn:srcnet:rabbitmq", "sub": "ada"]
        let enriched = try await network.answer(question, "srcnet.workstep.v1", workstep)
        let request = try #require(try await network.permit(enriched).messages(of: "srcnet.offer.request.v1").first)
        #expect(request.json["request"] == GlobalNetwork.parts)
        #expect(request.json["workstep"] == ["uuid": .string(uuid(7)), "revision": 3])
    }

    @Test func `what the editor passes on is submitted for who asked it, and answered there`() async throws {
        var workstep = GlobalNetwork.parts
        workstep["uuid"] = .string(uuid(7))
        workstep["revision"] = 2
        let effects = try await network.submit(
            ["workstep": workstep], from: "workstep-editor", onBehalfOf: Caller(sub: "ben"), replyTo: "client.ben.1")
        let asked = try await network.permit(effects)
        let request = try #require(asked.messages(of: "srcnet.offer.request.v1").first)
        #expect(request.json["owner"]?["sub"] == "ben")
        #expect(request.json["workstep"] == ["uuid": .string(uuid(7)), "revision": 2])
        _ = try await network.respond(request.correlationID, "site-a", [])
        let answer = try await network.respond(request.correlationID, "site-b", []).reply()
        #expect(answer.key == "client.ben.1")
        #expect(answer.correlationID == "c-1")
    }

    @Test(
        arguments: [
            ([:], ["/workstep"]), (["workstep": 1], ["/workstep"]), (["workstep": [:]], ["/workstep"]),
            (["workstep": ["uuid": "x"]], ["/workstep/uuid"]),
            (["workstep": ["uuid": .string(uuid(1)), "revision": "one"]], ["/workstep/revision"]),
            (["workstep": ["executable": ["kind": "nothing"]]], ["/workstep/executable/kind"]),
            (["workstep": ["compute": [:]]], ["/workstep/executable", "/workstep/compute/kind"]),
            (["workstep": GlobalNetwork.partsBesideUUID], ["/workstep/uuid"]),
            (["workstep": GlobalNetwork.parts, "mode": "soon"], ["/mode"]),
            (["workstep": GlobalNetwork.parts, "mode": "batch"], ["/mode"]),
            (["workstep": GlobalNetwork.parts, "callback": ["type": "amqp"]], ["/callback"]),
            (["workstep": GlobalNetwork.parts, "deadline": "tomorrow"], ["/deadline"]),
            (["workstep": GlobalNetwork.parts, "deadline": "2001-01-01T00:00:00Z"], ["/deadline"]),
        ] as [(JSON, [String])])
    func `what is wrong with a submission is invalid, and nothing is stored`(body: JSON, pointers: [String])
        async throws
    {
        let effects = try await network.submit(body)
        #expect(Set(try effects.faults()) == Set(pointers))
        #expect(effects.messages.count == 1)
        #expect(try await network.harness.advance(by: .seconds(70)).messages.isEmpty, "no timer is left")
    }

    @Test func `batch is refused plainly`() async throws {
        let problem = try await network.submit(["workstep": GlobalNetwork.parts, "mode": "batch"]).problem()
        #expect(problem.detail.contains("mode batch is not available"))
    }

    @Test(arguments: [(99, false), (100, true), (60_000, true), (60_001, false)])
    func `a deadline is 100 ms to 60 s from now`(milliseconds: Int, isTaken: Bool) async throws {
        let effects = try await network.submit([
            "workstep": GlobalNetwork.parts, "deadline": network.instant(in: milliseconds),
        ])
        #expect(effects.commands(to: "permissions").count == (isTaken ? 1 : 0))
        if !isTaken { #expect(try effects.faults() == ["/deadline"]) }
    }

    @Test func `who may not is told why, and no broker is asked`() async throws {
        let question = try #require(try await network.submit().commands(to: "permissions").first)
        let effects = try await network.answer(
            question, "srcnet.permission.v1",
            ["authorised": false, "reason": "no rule allows ada to do it", "policy": "local"])
        let problem = try effects.problem()
        #expect(problem.kind == .notAuthorised)
        #expect(problem.detail == "no rule allows ada to do it")
        #expect(problem.members["policy"] == "local")
        #expect(effects.messages.count == 1)
        #expect(try await network.harness.advance(by: .seconds(70)).messages.isEmpty)
    }

    @Test func `permissions that cannot be asked are unavailable, neither yes nor no`() async throws {
        let question = try #require(try await network.submit(id: "m").commands(to: "permissions").first)
        let returned = try await network.harness.giveBack(question)
        #expect(try returned.problem().kind == .unavailable)
        #expect(try returned.problem().members["retryAfter"] == 5)
        let again = try await network.submit(id: "m")
        let second = try #require(again.commands(to: "permissions").first, "an outage is not remembered")
        let refused = Problem(.notAuthorised, "global-execution is no service")
        let problem = try await network.answer(second, "srcnet.problem.v1", refused.json)
        #expect(try problem.problem().kind == .unavailable, "a refusal to answer is no denial")
        let third = try #require(try await network.submit().commands(to: "permissions").first)
        #expect(try await network.answer(third, "srcnet.permission.v1", [:]).problem().kind == .unavailable)
    }

    @Test func `permissions that are silent are unavailable at the deadline`() async throws {
        let question = try #require(try await network.submit().commands(to: "permissions").first)
        #expect(try await network.harness.advance(by: .milliseconds(1_999)).messages.isEmpty)
        let late = try await network.harness.advance(by: .milliseconds(1))
        #expect(try late.problem().kind == .unavailable)
        let answer = try await network.answer(question, "srcnet.permission.v1", ["authorised": true])
        #expect(answer.messages.isEmpty, "a submission is answered once")
    }

    @Test func `what the editor refuses is the answer, and its silence is deadline-exceeded`() async throws {
        let body: JSON = ["workstep": ["uuid": .string(uuid(7))]]
        for kind in [Problem.Kind.notFound, .notAuthorised, .revisionConflict] {
            let question = try #require(try await network.submit(body).messages.first)
            let answer = try await network.answer(question, "srcnet.problem.v1", Problem(kind, "so").json)
            #expect(try answer.problem().kind == kind)
        }
        let returned = try #require(try await network.submit(body).messages.first)
        #expect(try await network.harness.giveBack(returned).problem().kind == .unavailable)
        let silent = try #require(try await network.submit(body).messages.first)
        #expect(try await network.harness.advance(by: .seconds(2)).problem().kind == .deadlineExceeded)
        #expect(try await network.answer(silent, "srcnet.workstep.v1", GlobalNetwork.parts).messages.isEmpty)
    }

    @Test func `a workstep of the editor that cannot be executed is invalid, with its places`() async throws {
        let question = try #require(
            try await network.submit(["workstep": ["uuid": .string(uuid(7))]]).messages.first)
        let answer = try await network.answer(
            question, "srcnet.workstep.v1",
            ["uuid": .string(uuid(7)), "revision": 1, "executable": ["kind": "x/abstract-executable.yaml"]])
        #expect(try answer.faults() == ["/workstep/executable/kind"])
        #expect(try answer.problem().detail.hasPrefix("the workstep cannot be executed as it is"))
    }

    @Test func `answers are believed only from whom was asked`() async throws {
        let question = try #require(try await network.submit().commands(to: "permissions").first)
        let forged = try await network.answer(question, "srcnet.permission.v1", ["authorised": true], from: "ada")
        #expect(try forged.parkedReason().contains("is taken from permissions only, not from ada"))
        let problem = try await network.answer(
            question, "srcnet.problem.v1", Problem(.internalFault, "").json, from: "mallory")
        #expect(try problem.parkedReason().hasPrefix("not-authorised"))
        let answer = try await network.answer(question, "srcnet.permission.v1", ["authorised": true])
        #expect(answer.messages(of: "srcnet.offer.request.v1").count == 1)
    }

    @Test func `the same submission twice asks once and is answered once, at the newest place`() async throws {
        let first = try await network.submit(id: "m")
        #expect(try await network.submit(id: "m", replyTo: "client.ada.2").messages.isEmpty)
        let request = try #require(try await network.permit(first).messages(of: "srcnet.offer.request.v1").first)
        _ = try await network.respond(request.correlationID, "site-a", [])
        let answer = try await network.respond(request.correlationID, "site-b", []).reply()
        #expect(answer.key == "client.ada.2")
        #expect(try await network.submit(id: "m").reply().json == answer.json)
    }

    @Test func `a wrong submission without a place for its answer is parked with the reason`() async throws {
        let effects = try await network.submit([:], replyTo: nil)
        #expect(try effects.parkedReason().hasPrefix("invalid: /workstep"))
        #expect(try await network.submit("no object").problem().kind == .malformed)
        #expect(try await network.ask("srcnet.job.get.v1", [:]).problem().kind == .unknownType)
        let foreign = try await network.submit(from: "ben", onBehalfOf: Caller(sub: "ada"))
        #expect(try foreign.problem().kind == .notAuthenticated)
    }
}
