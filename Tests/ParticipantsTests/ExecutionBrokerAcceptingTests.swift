import ExecutionModel
import MessageBus
import Testing
import Wire

@testable import ExecutionBroker

@Suite struct ExecutionBrokerAcceptingTests {
    @Test func `permission is asked first, then the claim, and then it is accepted`() async throws {
        let site = try BrokerSite()
        let session = try await site.offer()
        let asked = try await site.set("ACCEPTED", session)
        let check = try #require(asked.messages.first)
        #expect(asked.messages.count == 1)
        #expect(check.key == "permissions")
        #expect(
            check.json == [
                "subject": ["iss": "urn:srcnet:rabbitmq", "sub": "ada", "groups": ["astro"]],
                "action": "session.accept", "resource": "interactive/jupyter-notebook", "site": "ral",
            ])
        #expect(check.correlationID?.hasPrefix("session/\(session)/permission/") == true)
        let permitted = try await site.permit()
        let claim = try #require(permitted.messages.first)
        #expect(permitted.messages.count == 1)
        #expect(claim.key == "global-execution")
        #expect(claim.json["offer"] == .string(session))
        #expect(claim.json["offerset"] == .string(uuid(1)))
        #expect(claim.json["site"] == "ral")
        #expect(claim.json["claim"] != nil)
        let claimed = try await site.grantClaim()
        #expect(try claimed.reply().json["phase"] == "ACCEPTED")
        #expect(try claimed.reply().correlationID == "c-1")
        #expect(claimed.eventKeys == ["session.ral.accepted.\(session)", "session.ral.preparing.\(session)"])
    }

    @Test func `a denial tells its reason, and the offer stands`() async throws {
        let site = try BrokerSite()
        let session = try await site.offer()
        try await site.set("ACCEPTED", session)
        let denied = try await site.answer(
            site.last("srcnet.permission.check.v1"), "srcnet.permission.v1",
            ["authorised": false, "reason": "grace may look only", "policy": "p"])
        #expect(try denied.problem().kind == .notAuthorised)
        #expect(try denied.problem().detail == "grace may look only")
        #expect(denied.messages.count == 1)
        #expect(try await site.phase(session) == "OFFERED")
        // The rules may have changed: the same offer can be accepted again.
        try await site.accept(session)
        #expect(try await site.phase(session) == "PREPARING")
    }

    @Test func `permissions that cannot be asked, does not answer or says nothing is no permission`() async throws {
        let site = try BrokerSite()
        let session = try await site.offer()
        try await site.set("ACCEPTED", session)
        let returned = try await site.giveBack(site.last("srcnet.permission.check.v1"))
        #expect(try returned.problem().kind == .unavailable)
        try await site.set("ACCEPTED", session)
        #expect(try await site.advance(.seconds(5)).problem().kind == .unavailable)
        // It answers after all: nobody waits for it any more.
        #expect(try await site.permit().messages.isEmpty)
        try await site.set("ACCEPTED", session)
        let empty = try await site.answer(site.last("srcnet.permission.check.v1"), "srcnet.permission.v1", [:])
        #expect(try empty.problem().kind == .unavailable)
        #expect(!site.sent.contains { $0.type == "srcnet.offer.claim.v1" })
        #expect(try await site.phase(session) == "OFFERED")
    }

    @Test func `an offerset that another site has won is offer-taken, and the offer stands until it is rejected`()
        async throws
    {
        let site = try BrokerSite()
        let session = try await site.offer()
        try await site.set("ACCEPTED", session)
        try await site.permit()
        let taken = try await site.refuse(
            site.last("srcnet.offer.claim.v1"),
            Problem(.offerTaken, "too late", members: ["accepted": .string(uuid(500))]))
        #expect(try taken.problem().kind == .offerTaken)
        #expect(try taken.problem().members["accepted"] == .string(uuid(500)))
        #expect(taken.messages(of: "srcnet.offer.unclaim.v1").isEmpty)
        #expect(try await site.phase(session) == "OFFERED")
        let rejected = try await site.send(
            "srcnet.session.set-phase.v1",
            ["session": .string(session), "phase": "REJECTED", "accepted": .string(uuid(500))],
            from: "global-execution")
        #expect(rejected.eventKeys == ["session.ral.rejected.\(session)"])
        #expect(try await site.set("ACCEPTED", session).problem().kind == .offerTaken)
        try await site.expectAllFree()
    }

    @Test func `a claim that is not answered is unavailable and taken back, also when it is granted later`()
        async throws
    {
        let site = try BrokerSite()
        let session = try await site.offer()
        try await site.set("ACCEPTED", session)
        try await site.permit()
        let claim = try site.last("srcnet.offer.claim.v1")
        let timedOut = try await site.advance(.seconds(5))
        #expect(try timedOut.problem().kind == .unavailable)
        let unclaim = try #require(timedOut.messages(of: "srcnet.offer.unclaim.v1").first)
        #expect(unclaim.json["claim"] == claim.json["claim"])
        let late = try await site.grantClaim()
        #expect(late.messages(of: "srcnet.offer.unclaim.v1").first?.json["claim"] == claim.json["claim"])
        #expect(try await site.phase(session) == "OFFERED")
        // The answers to it change nothing.
        var body = unclaim.json
        body["claimed"] = false
        #expect(try await site.answer(unclaim, "srcnet.offer.claimed.v1", body).messages.isEmpty)
        #expect(try await site.refuse(unclaim, Problem(.notFound, "ended before")).messages.isEmpty)
    }

    @Test func `taking back a claim is tried again where global-execution cannot be reached`() async throws {
        let site = try BrokerSite()
        let session = try await site.offer()
        try await site.set("ACCEPTED", session)
        try await site.permit()
        try await site.giveBack(site.last("srcnet.offer.claim.v1"))
        let first = try site.last("srcnet.offer.unclaim.v1")
        try await site.giveBack(first)
        #expect(try await site.advance(.seconds(9)).messages.isEmpty)
        let again = try await site.advance(.seconds(1))
        #expect(again.messages(of: "srcnet.offer.unclaim.v1").first?.json == first.json)
        // In the end there is nothing that it could hold up.
        try await site.advance(.seconds(600))
        try await site.giveBack(first)
        #expect(try await site.advance(.seconds(20)).messages.isEmpty)
    }

    @Test func `a claim of an offer that is not listed is told so`() async throws {
        let site = try BrokerSite()
        let session = try await site.offer()
        try await site.set("ACCEPTED", session)
        try await site.permit()
        let refused = try await site.refuse(site.last("srcnet.offer.claim.v1"), Problem(.notFound, "not listed"))
        #expect(try refused.problem().kind == .notFound)
        #expect(refused.messages.count == 1)
    }

    @Test func `an offer that expires during its acceptance is expired, and the claim is taken back`() async throws {
        let site = try BrokerSite()
        let session = try await site.offer()
        try await site.advance(.seconds(298))
        try await site.set("ACCEPTED", session)
        try await site.permit()
        let expired = try await site.advance(.seconds(2))
        #expect(try expired.problem().kind == .offerExpired)
        #expect(expired.messages(of: "srcnet.offer.unclaim.v1").count == 1)
        try await site.grantClaim()
        #expect(try await site.phase(session) == "EXPIRED")
        try await site.expectAllFree()
    }

    @Test func `a restart between claim and commit loses nothing`() async throws {
        let site = try BrokerSite()
        let session = try await site.offer()
        try await site.set("ACCEPTED", session)
        try await site.restart()
        try await site.permit()
        try await site.restart()
        let claimed = try await site.grantClaim()
        #expect(try claimed.reply().json["phase"] == "ACCEPTED")
        #expect(site.harness.participant.ledger.capacity.count == 1)
    }

    @Test func `two acceptances at once are one, and both are answered`() async throws {
        let site = try BrokerSite()
        let session = try await site.offer()
        try await site.set("ACCEPTED", session, id: "a", correlationID: "first")
        #expect(try await site.set("ACCEPTED", session, id: "b", correlationID: "second").messages.isEmpty)
        try await site.permit()
        let effects = try await site.grantClaim()
        #expect(effects.messages(of: "srcnet.session.v1").map(\.correlationID) == ["first", "second"])
        #expect(effects.messages(of: "srcnet.data.prepare.v1").count == 1)
        // And a third, later, just gives the session.
        let third = try await site.set("ACCEPTED", session, id: "c")
        #expect(try third.reply().json["phase"] == "PREPARING")
        #expect(third.messages.count == 1)
    }

    @Test func `the same message again gets the same answer, and has no other effect`() async throws {
        let site = try BrokerSite()
        let session = try await site.offer()
        try await site.set("ACCEPTED", session, id: "same")
        try await site.permit()
        let first = try await site.grantClaim().reply()
        let copy = try await site.set("ACCEPTED", session, id: "same")
        #expect(copy.messages.count == 1)
        #expect(try copy.reply().body == first.body)
    }

    @Test(arguments: [
        ("srcnet.permission.v1", "srcnet.permission.check.v1"), ("srcnet.offer.claimed.v1", "srcnet.offer.claim.v1"),
    ])
    func `an answer of somebody else is parked and changes nothing`(type: String, question: String) async throws {
        let site = try BrokerSite()
        let session = try await site.offer()
        try await site.set("ACCEPTED", session)
        try await site.permit()
        let body: JSON = ["authorised": true, "claimed": true]
        let forged = try await site.answer(site.last(question), type, body, from: "mallory")
        #expect(try forged.parkedReason().hasPrefix("not-authorised"))
        #expect(forged.messages.count == 1)
        let unasked = try await site.send(
            type, body, from: type == "srcnet.permission.v1" ? "permissions" : "global-execution", replyTo: nil,
            correlationID: "nothing")
        #expect(try unasked.parkedReason().hasPrefix("invalid"))
        let problem = try await site.refuse(site.last(question), Problem(.offerTaken, "x"), from: "mallory")
        #expect(try problem.parkedReason().hasPrefix("not-authorised"))
        #expect(try await site.phase(session) == "OFFERED")
    }
}
