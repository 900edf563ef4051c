import MessageBus
import Permissions
import Store
import Testing
import Wire

@Suite struct PermissionsTests {
    private let harness: DecisionHarness<Permissions>

    init() throws {
        let text = """
            { "policy": "test", "services": ["global-execution"], "users": [{"sub": "ada", "groups": ["astronomers"]}],
              "rules": [{"name": "astronomers", "effect": "allow", "who": {"groups": ["astronomers"]},
                         "actions": ["workstep.*"]}] }
            """
        let policy = try Policy(reading: Array(text.utf8), file: "policy.json")
        harness = DecisionHarness(
            Permissions(policy: policy), address: "permissions", now: aTuesday, services: policy.services)
    }

    private func check(_ body: JSON, from sender: String, onBehalfOf: Caller? = nil) async throws
        -> DecisionHarness<Permissions>.Effects
    {
        try await harness.send("srcnet.permission.check.v1", body, from: sender, onBehalfOf: onBehalfOf)
    }

    private func question(_ sub: String, _ action: String = "workstep.submit", site: JSON? = nil) -> JSON {
        .object(compacting: [
            "subject": ["iss": "urn:srcnet:rabbitmq", "sub": .string(sub), "groups": []], "action": .string(action),
            "resource": "interactive/jupyter-notebook", "site": site, "unknown": "is ignored",
        ])
    }

    @Test func `a service learns what somebody may do`() async throws {
        let answer = try await check(question("ada"), from: "global-execution").reply()
        #expect(answer.type == "srcnet.permission.v1")
        #expect(answer.key == "client.global-execution.1")
        #expect(answer.json["authorised"] == true)
        #expect(answer.json["policy"] == "test")
        #expect(answer.json["rule"] == "astronomers")
    }

    @Test func `a denial is an answer with its reason, no problem`() async throws {
        let answer = try await check(question("ada", "session.accept", site: "site-a"), from: "global-execution")
            .reply()
        #expect(answer.type == "srcnet.permission.v1")
        #expect(answer.json["authorised"] == false)
        #expect(
            answer.json["reason"]
                == "no rule allows ada to do session.accept to interactive/jupyter-notebook at site site-a")
    }

    @Test func `anybody may ask about himself, and only services about others`() async throws {
        #expect(try await check(question("ada"), from: "ada").reply().json["authorised"] == true)
        let refused = try await check(question("ada"), from: "ben").problem()
        #expect(refused.kind == .notAuthorised)
        let spoken = try await check(question("ada"), from: "ben", onBehalfOf: Caller(sub: "ada")).problem()
        #expect(spoken.kind == .notAuthenticated)
        let service = try await check(question("ada"), from: "global-execution", onBehalfOf: Caller(sub: "ben"))
        #expect(try service.reply().json["authorised"] == true)
    }

    @Test func `everything that is wrong with a question is named at once`() async throws {
        let wrong: JSON = ["subject": ["sub": 7], "action": "", "site": "Not A Site"]
        let faults = try await check(wrong, from: "ada").faults()
        #expect(Set(faults) == ["/subject/iss", "/subject/sub", "/action", "/resource", "/site"])
        #expect(try await check([:], from: "ada").faults().contains("/subject"))
        #expect(try await check("text", from: "ada").problem().kind == .malformed)
        #expect(try await harness.send("srcnet.permission.grant.v1", [:], from: "ada").problem().kind == .unknownType)
    }

    @Test func `nothing is stored, and a wrong question without a place for its answer is not parked`() async throws {
        let effects = try await harness.send("srcnet.permission.check.v1", [:], from: "ada", replyTo: nil)
        #expect(effects.messages.isEmpty)
        let entry = try await harness.store.transact {
            try $0.inboxEntry(.init(sender: "ada", messageID: "message-1"))
        }
        #expect(entry == nil)
    }
}
