import ExecutionModel
import MessageBus
import Testing
import Wire

@testable import ExecutionBroker

@Suite struct ExecutionBrokerHistoryTests {
    @Test func `a session goes all the way from the request for offers to COMPLETED`() async throws {
        let site = try BrokerSite()
        let volume: JSON = [
            "kind": "x/simple-volume-mount.yaml", "path": "/data/cube", "mode": "READONLY", "resource": "cube",
        ]
        let session = try await site.offer(BrokerSite.parts(volumes: [volume]))
        let accepted = try await site.accept(session)
        #expect(try accepted.reply().json["phase"] == "ACCEPTED")
        #expect(try accepted.reply().key == "client.ada.1")
        for role in TaskRole.parallel { #expect(try site.start(role).json["session"] == .string(session)) }
        #expect(try site.start(.prepareData).correlationID == "session/\(session)/task/prepare-data")
        #expect(try site.start(.prepareData).json["data"]?[0]?["as"] == "hcn-cube")
        #expect(try site.start(.cavern).json["owner"]?["sub"] == "ada")
        #expect(try site.start(.harbor).json["image"]?["digest"] == .string(BrokerSite.digest))
        #expect(!accepted.messages.contains { $0.type == "srcnet.session.start.v1" })
        try await site.complete(.harbor)
        try await site.complete(.prepareData)
        let last = try await site.complete(.cavern)
        let start = try #require(last.messages(of: "srcnet.session.start.v1").first)
        #expect(start.key == "canfar.ral")
        #expect(start.json["kind"] == "jupyter-notebook")
        #expect(start.json["image"]?["digest"] == .string(BrokerSite.digest))
        #expect(start.json["volumes"] == [["path": "/data/cube", "source": "data/hcn-cube", "mode": "READONLY"]])
        let available = try await site.complete(.canfar)
        #expect(available.eventKeys == ["session.ral.available.\(session)"])
        let document = try await site.get(session)
        #expect(document["connectors"]?[0]?["location"] == "http://127.0.0.1:8888/?token=secret")

        let released = try await site.set("RELEASING", session)
        #expect(try released.reply().json["phase"] == "RELEASING")
        #expect(site.releases.map(\.key) == ["canfar.ral"])
        try await site.releaseAll()
        let releases = site.sent.filter { $0.type == "srcnet.task.release.v1" }
        #expect(releases.map(\.key) == ["canfar.ral", "cavern.ral", "harbor.ral", "prepare-data.ral"])
        #expect(releases[1].json["keep"] == true)
        #expect(site.published(session) == ["OFFERED", "ACCEPTED", "PREPARING", "AVAILABLE", "RELEASING", "COMPLETED"])
        #expect(site.sent.filter { $0.subject == session }.map(\.sequence) == [1, 2, 3, 4, 5, 6])
        #expect(try await site.phase(session) == "COMPLETED")
        try await site.expectAllFree()
    }

    @Test(arguments: TaskRole.allCases)
    func `where one preparation fails, the others are released, and the session has FAILED`(role: TaskRole)
        async throws
    {
        let site = try BrokerSite()
        let session = try await site.offer()
        try await site.accept(session)
        if role == .canfar { try await site.prepare() }
        let failed = try await site.fail(role)
        #expect(failed.eventKeys == ["session.ral.failed.\(session)"])
        #expect(
            failed.messages(of: "srcnet.event.session.v1").first?.json["reason"]
                == .string("\(role)-failed".replacing("prepareData", with: "prepare-data")))
        try await site.releaseAll()
        let released = Set(site.sent.filter { $0.type == "srcnet.task.release.v1" }.map(\.key))
        let asked: Set = ["prepare-data.ral", "cavern.ral", "harbor.ral"]
        #expect(released == (role == .canfar ? asked.union(["canfar.ral"]) : asked))
        #expect(try await site.phase(session) == "FAILED")
        try await site.expectAllFree()
    }

    @Test(arguments: TaskRole.allCases)
    func `a start that is refused or that no queue takes is a failed preparation`(role: TaskRole) async throws {
        let site = try BrokerSite()
        let session = try await site.offer()
        try await site.accept(session)
        if role == .canfar { try await site.prepare() }
        if role == .cavern {
            try await site.refuse(site.start(role), Problem(.invalid, "no"))
        } else {
            try await site.giveBack(site.start(role))
        }
        #expect(try await site.phase(session) == "FAILED")
        // Whoever is not there cannot say that nothing is left: he is asked again until he does.
        let release = try #require(site.releases.first { $0.key == "\(role.rawValue).ral" })
        try await site.giveBack(release)
        #expect(site.harness.participant.ledger.capacity.count == 1)
        let again = try await site.advance(.seconds(30))
        #expect(again.commands(to: "\(role.rawValue).ral").map(\.json) == [release.json])
        try await site.releaseAll()
        try await site.expectAllFree()
    }

    @Test func `a task of which the participant knows nothing is released`() async throws {
        let site = try BrokerSite()
        let session = try await site.makeAvailable()
        try await site.set("CANCELLED", session)
        while let release = site.takeRelease() { try await site.refuse(release, Problem(.notFound, "no such task")) }
        try await site.expectAllFree()
    }

    @Test func `a session ends when its time is over, after a warning`() async throws {
        let site = try BrokerSite()
        let session = try await site.makeAvailable()
        let warning = try await site.advance(.seconds(3_300))
        #expect(warning.eventKeys == ["session.ral.ending.\(session)"])
        let body = try #require(warning.messages.first?.json)
        #expect(body["endsAt"] == .string((aTuesday + .seconds(3_600)).description))
        #expect(warning.messages.first?.sequence == 5)
        let end = try await site.advance(.seconds(300))
        #expect(end.eventKeys == ["session.ral.releasing.\(session)"])
        #expect(end.messages.first?.sequence == 6)
        try await site.releaseAll()
        #expect(try await site.phase(session) == "COMPLETED")
        try await site.expectAllFree()
    }

    @Test(arguments: [true, false])
    func `a session that ends by itself is COMPLETED or FAILED, as its end was`(isFailure: Bool) async throws {
        let site = try BrokerSite()
        let session = try await site.makeAvailable()
        try await site.tell(
            .canfar, "srcnet.task.ended.v1", "completed",
            ["ended": ["reason": isFailure ? "exited" : "closed", "failed": .bool(isFailure)]])
        try await site.releaseAll()
        #expect(try await site.phase(session) == (isFailure ? "FAILED" : "COMPLETED"))
        try await site.expectAllFree()
    }

    @Test func `an end that overtakes the news of the start ends the session all the same`() async throws {
        let site = try BrokerSite()
        let session = try await site.offer()
        try await site.accept(session)
        try await site.prepare()
        try await site.tell(
            .canfar, "srcnet.task.ended.v1", "completed",
            ["result": BrokerSite.result(of: .canfar), "ended": ["reason": "lost", "failed": true]])
        try await site.complete(.canfar)
        try await site.releaseAll()
        #expect(try await site.phase(session) == "FAILED")
        try await site.expectAllFree()
    }

    @Test(arguments: 0...6)
    func `a session can be cancelled at every stage, and nothing of it stays`(stage: Int) async throws {
        let site = try BrokerSite()
        let session = try await site.offer()
        if stage == 1 { try await site.set("ACCEPTED", session) }
        if stage >= 2 { try await site.accept(session) }
        if stage >= 3 { try await site.complete(.harbor) }
        if stage >= 4 {
            try await site.complete(.prepareData)
            try await site.complete(.cavern)
        }
        if stage >= 5 { try await site.complete(.canfar) }
        if stage == 6 { try await site.restart() }
        let cancelled = try await site.set("CANCELLED", session)
        #expect(cancelled.messages(of: "srcnet.session.v1").first?.json["phase"] == "CANCELLED")
        if stage == 1 { #expect(cancelled.messages(of: "srcnet.problem.v1").count == 1) }
        try await site.releaseAll()
        let releases = site.sent.filter { $0.type == "srcnet.task.release.v1" }
        #expect(releases.count == (stage < 2 ? 0 : stage < 4 ? 3 : 4))
        #expect(releases.allSatisfy { $0.json["keep"] == nil })
        #expect(try await site.set("CANCELLED", session).problem().kind == .refusedTransition)
        // What comes late changes nothing.
        if stage >= 2 { try await site.complete(.cavern) }
        #expect(try await site.phase(session) == "CANCELLED")
        try await site.expectAllFree()
    }

    @Test func `preparations that take too long have failed`() async throws {
        let site = try BrokerSite()
        let session = try await site.offer()
        try await site.accept(session)
        try await site.complete(.harbor)
        try await site.advance(.seconds(601))
        #expect(try await site.phase(session) == "FAILED")
        #expect(try await site.get(session)["reason"] == "deadline-exceeded")
        try await site.releaseAll()
        try await site.expectAllFree()
    }

    @Test func `an offer for later waits, then prepares, and computes when its time has come`() async throws {
        let site = try BrokerSite(cores: 1)
        let first = try await site.makeAvailable()
        let second = try await site.offer()
        try await site.accept(second)
        #expect(try await site.phase(second) == "WAITING")
        try await site.advance(.seconds(3_600))
        try await site.releaseAll()
        #expect(try await site.phase(first) == "COMPLETED")
        try await site.restart()
        let preparing = try await site.advance(.seconds(10))
        #expect(preparing.eventKeys == ["session.ral.preparing.\(second)"])
        try await site.prepare()
        try await site.complete(.canfar)
        #expect(try await site.phase(second) == "AVAILABLE")
    }

    @Test func `a session does not start while what should be gone is still there`() async throws {
        let site = try BrokerSite(cores: 1)
        let first = try await site.makeAvailable()
        let second = try await site.offer()
        try await site.accept(second)
        try await site.advance(.seconds(3_600))
        #expect(try await site.phase(first) == "RELEASING")
        // The first should have been gone 10 s later, and is not.
        try await site.advance(.seconds(10))
        let prepared = try await site.prepare()
        #expect(prepared.messages(of: "srcnet.session.start.v1").isEmpty)
        #expect(try await site.advance(.seconds(1)).messages(of: "srcnet.session.start.v1").isEmpty)
        try await site.releaseAll()
        #expect(try await site.phase(first) == "COMPLETED")
        #expect(try await site.advance(.seconds(1)).messages(of: "srcnet.session.start.v1").count == 1)
        try await site.complete(.canfar)
        #expect(try await site.phase(second) == "AVAILABLE")
        try await site.set("CANCELLED", second)
        try await site.releaseAll()
        try await site.expectAllFree()
    }

    @Test func `a restart at every step changes nothing that anybody sees`() async throws {
        let site = try BrokerSite()
        try await site.requestOffers()
        try await site.restart()
        try await site.locate(BrokerSite.replica())
        try await site.restart()
        try await site.resolve()
        let session = try #require(try site.response()["offers"]?[0]?["meta"]?["uuid"]?.string)
        try await site.restart()
        try await site.accept(session)
        for role in TaskRole.allCases {
            try await site.restart()
            try await site.complete(role)
        }
        #expect(try await site.phase(session) == "AVAILABLE")
        try await site.restart()
        #expect(site.harness.participant.ledger.capacity.count == 1)
        try await site.set("RELEASING", session)
        while let release = site.takeRelease() {
            try await site.restart()
            try await site.confirm(release)
        }
        #expect(site.published(session) == ["OFFERED", "ACCEPTED", "PREPARING", "AVAILABLE", "RELEASING", "COMPLETED"])
        for type in BrokerSite.startTypes.values { #expect(site.sent.filter { $0.type == type }.count == 1) }
        try await site.expectAllFree()
    }

    @Test func `only the site's own participants are believed about tasks`() async throws {
        let site = try BrokerSite()
        let session = try await site.offer()
        try await site.accept(session)
        for sender in ["harbor.idia", "cavern.ral", "ada"] {
            let forged = try await site.tell(.harbor, "srcnet.task.done.v1", "completed", from: sender)
            #expect(try forged.parkedReason().hasPrefix("not-authorised"))
        }
        let other = try await site.tell(.harbor, "srcnet.task.done.v1", "completed", ["task": .string(uuid(3))])
        #expect(try other.parkedReason().hasPrefix("not-found"))
        let unasked = try await site.send(
            "srcnet.task.done.v1", ["task": .string(uuid(3)), "status": "completed"], from: "harbor.ral", replyTo: nil)
        #expect(try unasked.parkedReason().hasPrefix("invalid"))
        let refusal = try await site.refuse(site.start(.harbor), Problem(.invalid, "x"), from: "ada")
        #expect(try refusal.parkedReason().hasPrefix("not-authorised"))
        #expect(
            try await site.get(session)["tasks"]?.array?.compactMap { $0["phase"]?.string }.contains("FAILED") == false)
    }
}
