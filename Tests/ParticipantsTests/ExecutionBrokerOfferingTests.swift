import ExecutionModel
import MessageBus
import Testing
import Wire

@testable import ExecutionBroker

@Suite struct ExecutionBrokerOfferingTests {
    @Test func `prepare-data and harbor are asked, and the offer is the answer to the request`() async throws {
        let site = try BrokerSite()
        let asked = try await site.requestOffers()
        let locate = try #require(asked.commands(to: "prepare-data.ral").first)
        #expect(locate.type == "srcnet.data.locate.v1")
        #expect(locate.json == ["data": [["scope": "demo", "name": "hcn-cube", "type": "FILE"]]])
        #expect(locate.replyTo == "execution-broker.ral")
        let resolve = try #require(asked.commands(to: "harbor.ral").first)
        #expect(resolve.json["image"]?["locations"] == ["srcnet/notebook:1"])
        #expect(resolve.deadline == aTuesday + .milliseconds(1_750))
        #expect(asked.messages.count == 2)

        #expect(try await site.locate(BrokerSite.replica()).messages.isEmpty)
        let effects = try await site.resolve()
        let response = try #require(effects.messages(of: "srcnet.offer.response.v1").first)
        #expect(response.key == "global-execution")
        #expect(response.correlationID == "gather-1")
        #expect(response.json["site"] == "ral")
        #expect(response.json["meta"]?["uuid"] == .string(uuid(1)))
        #expect(response.json["result"] == "YES")
        let offer = try #require(response.json["offers"]?[0])
        #expect(offer["phase"] == "OFFERED")
        #expect(offer["meta"]?["options"]?[0]?["values"] == ["ACCEPTED", "REJECTED", "CANCELLED"])
        #expect(offer["workstep"]?["revision"] == 2)
        #expect(offer["expires"] == .string((aTuesday + .seconds(300)).description))
        #expect(effects.eventKeys == ["session.ral.offered.\(offer["meta"]?["uuid"]?.string ?? "")"])
    }

    @Test func `data and image that are there are offered now`() async throws {
        let site = try BrokerSite()
        let offer = try #require(try await site.makeOffers().first)
        #expect(offer["schedule"]?["available"]?["start"]?.string?.hasPrefix("\(aTuesday)/") == true)
        #expect(offer["data"]?[0]?["access"]?["local"] == true)
    }

    @Test func `what has to be brought takes as long as those who bring it have measured`() async throws {
        let site = try BrokerSite()
        try await site.requestOffers(BrokerSite.parts(data: ["cube", "map"]))
        try await site.locate(
            BrokerSite.replica("cube", local: false, seconds: 12), BrokerSite.replica("map", local: false, seconds: 8))
        try await site.resolve(present: false, seconds: 15)
        let offer = try #require(try site.response()["offers"]?[0])
        // Both data come from one storage, one after the other; the image comes beside them.
        #expect(offer["schedule"]?["available"]?["start"]?.string?.hasPrefix("\(aTuesday + .seconds(20))/") == true)
        #expect(
            offer["data"]?[0]?["access"] == ["local": false, "bytes": 2_400_000, "source": "IDIA", "duration": "PT12S"])
        #expect(offer["executable"]?["access"]?["duration"] == "PT15S")
    }

    @Test func `the image is pinned by its digest, and what nobody knows of it is kept`() async throws {
        let site = try BrokerSite()
        let offer = try #require(try await site.makeOffers().first)
        #expect(offer["executable"]?["image"]?["digest"] == .string(BrokerSite.digest))
        #expect(offer["executable"]?["image"]?["unknown"] == "kept")
    }

    @Test func `a notebook without an image gets the site's own`() async throws {
        let site = try BrokerSite()
        let offer = try #require(try await site.makeOffers(BrokerSite.parts(executable: [:])).first)
        #expect(try site.last("srcnet.image.resolve.v1").json["image"]?["locations"] == ["srcnet/notebook:1"])
        #expect(offer["executable"]?["image"]?["digest"] == .string(BrokerSite.digest))
    }

    @Test func `without data nobody is asked where they are`() async throws {
        let site = try BrokerSite()
        let session = try await site.offer(BrokerSite.parts(data: []))
        #expect(!site.sent.contains { $0.type == "srcnet.data.locate.v1" })
        try await site.accept(session)
        try await site.complete(.cavern)
        #expect(try await site.complete(.harbor).messages(of: "srcnet.session.start.v1").count == 1)
        #expect(!site.sent.contains { $0.type == "srcnet.data.prepare.v1" })
    }

    @Test func `a site that is booked offers what follows after the booking`() async throws {
        let site = try BrokerSite(cores: 2)
        _ = try await site.makeAvailable(BrokerSite.parts(cores: 2))
        let offer = try #require(try await site.makeOffers(BrokerSite.parts(cores: 2)).first)
        // An hour, and 10 s to clean up.
        #expect(offer["schedule"]?["available"]?["start"] == .string("\(aTuesday + .seconds(3_610))/PT0S"))
    }

    @Test func `where less is free now than could be used, there are two offers, and they exclude each other`()
        async throws
    {
        let site = try BrokerSite(cores: 4)
        _ = try await site.makeAvailable(BrokerSite.parts(cores: 3))
        let offers = try await site.makeOffers(BrokerSite.parts(cores: 1, mostCores: 4))
        #expect(offers.map { $0["compute"]?["cores"]?["max"]?.int } == [1, 4])
        let ids = offers.compactMap { $0["meta"]?["uuid"]?.string }
        #expect(Set(offers.map { $0["offerset"] }).count == 1)
        let effects = try await site.accept(ids[0])
        #expect(effects.eventKeys.contains("session.ral.rejected.\(ids[1])"))
        let late = try await site.set("ACCEPTED", ids[1])
        #expect(try late.problem().kind == .offerTaken)
        #expect(try late.problem().members["accepted"] == .string(ids[0]))
        #expect(site.harness.participant.ledger.capacity.count == 2)
    }

    @Test func `time that was seen to be needed for the start is part of the next estimate`() async throws {
        let site = try BrokerSite()
        let first = try await site.offer()
        try await site.accept(first)
        try await site.prepare()
        try await site.advance(.seconds(3))
        try await site.complete(.canfar)
        let offer = try #require(try await site.makeOffers().first)
        #expect(offer["schedule"]?["preparing"]?["duration"] == "PT3S")
    }

    @Test func `an offer that nobody accepts expires and holds nothing`() async throws {
        let site = try BrokerSite()
        let session = try await site.offer()
        #expect(site.harness.participant.ledger.capacity.count == 1)
        #expect(site.harness.participant.vitalSigns?["free"] == ["cores": 3, "memory": 7])
        let effects = try await site.advance(.seconds(300))
        #expect(effects.eventKeys == ["session.ral.expired.\(session)"])
        #expect(try await site.set("ACCEPTED", session).problem().kind == .offerExpired)
        #expect(site.harness.participant.vitalSigns?["free"] == ["cores": 4, "memory": 8])
        try await site.expectAllFree()
    }

    @Test func `after a restart the offers still hold what they offer`() async throws {
        let site = try BrokerSite(cores: 2)
        _ = try await site.offer(BrokerSite.parts(cores: 2))
        try await site.restart()
        #expect(site.harness.participant.vitalSigns?["free"] == ["cores": 0, "memory": 7])
        let offer = try #require(try await site.makeOffers(BrokerSite.parts(cores: 2)).first)
        #expect(offer["schedule"]?["available"]?["start"] != .string("\(aTuesday)/PT300S"))
    }

    @Test func `an answer that comes after a restart is still an answer`() async throws {
        let site = try BrokerSite()
        try await site.requestOffers()
        try await site.locate(BrokerSite.replica())
        try await site.restart()
        try await site.resolve()
        #expect(try site.response()["result"] == "YES")
    }
}

@Suite struct ExecutionBrokerRefusalTests {
    @Test(arguments: [
        ("docker-container", "urn:not-supported"), ("visualisation", "urn:not-supported"),
    ])
    func `a kind that the site does not run is NO at once`(kind: String, reason: String) async throws {
        let site = try BrokerSite()
        let executable: JSON = ["kind": .string("x/\(kind).yaml"), "image": ["locations": ["srcnet/other:1"]]]
        let effects = try await site.requestOffers(BrokerSite.parts(executable: executable))
        #expect(effects.messages.count == 1)
        #expect(try site.reasons() == [reason])
    }

    @Test func `data of another kind, too many cores and data to be written are reasons, all in one answer`()
        async throws
    {
        let site = try BrokerSite()
        var parts = BrokerSite.parts(
            cores: 5, volumes: [["kind": "x/simple-volume-mount.yaml", "mode": "READWRITE", "resource": "cube"]])
        parts["data"] = [["kind": "x/simple-data-resource.yaml", "meta": ["name": "cube"], "location": "https://x/y"]]
        try await site.requestOffers(parts)
        #expect(try site.reasons() == ["urn:not-supported", "urn:resource-limit", "urn:not-supported"])
        try await site.expectAllFree()
    }

    @Test func `data that no catalogue knows, and data that cannot be reached, are reasons`() async throws {
        let site = try BrokerSite()
        try await site.requestOffers(BrokerSite.parts(data: ["cube", "map"]))
        try await site.locate(
            BrokerSite.replica("map", local: false, seconds: nil), unknown: [["scope": "demo", "name": "hcn-cube"]])
        try await site.resolve()
        #expect(try site.reasons() == ["urn:resource-not-found", "urn:srcnet:reason:unavailable"])
        #expect(try site.response()["meta"]?["messages"]?[0]?["values"]?["path"] == "data[0]")
    }

    @Test func `an image that nobody has is a reason`() async throws {
        let site = try BrokerSite()
        try await site.requestOffers()
        try await site.locate(BrokerSite.replica())
        try await site.refuse(site.last("srcnet.image.resolve.v1"), Problem(.notFound, "no such tag"))
        #expect(try site.reasons() == ["urn:resource-not-found"])
        #expect(try site.response()["meta"]?["messages"]?[0]?["message"]?.string?.contains("no such tag") == true)
    }

    @Test func `an image with another digest, or for another kind of session, is a reason`() async throws {
        let site = try BrokerSite()
        let other = "sha256:" + String(repeating: "cd", count: 32)
        try await site.requestOffers(
            BrokerSite.parts(executable: [
                "image": ["locations": ["srcnet/notebook:1"], "digest": .string(other)]
            ]))
        try await site.locate(BrokerSite.replica())
        try await site.resolve(kind: "terminal")
        #expect(try site.reasons() == ["urn:image-digest-mismatch", "urn:not-supported"])
    }

    @Test(arguments: [true, false])
    func `who does not answer in time is named`(imageIsSilent: Bool) async throws {
        let site = try BrokerSite()
        try await site.requestOffers()
        if imageIsSilent {
            try await site.locate(BrokerSite.replica())
        } else {
            try await site.resolve()
        }
        #expect(try await site.advance(.milliseconds(1_749)).messages.isEmpty)
        let effects = try await site.advance(.milliseconds(1))
        #expect(effects.messages.count == 1)
        #expect(try site.reasons() == ["urn:srcnet:reason:unavailable"])
        #expect(
            try site.response()["meta"]?["messages"]?[0]?["values"]?["participant"]
                == (imageIsSilent ? "harbor.ral" : "prepare-data.ral"))
        // What comes now is too late to matter.
        let late =
            imageIsSilent ? try await site.resolve() : try await site.locate(BrokerSite.replica())
        #expect(late.messages.isEmpty)
        try await site.expectAllFree()
    }

    @Test func `a participant that is not deployed is a reason as soon as the question comes back`() async throws {
        let site = try BrokerSite()
        try await site.requestOffers()
        try await site.locate(BrokerSite.replica())
        try await site.giveBack(site.last("srcnet.image.resolve.v1"))
        #expect(try site.reasons() == ["urn:srcnet:reason:unavailable"])
    }

    @Test func `a window in which all is taken, and one that is too early, are reasons with what would do`()
        async throws
    {
        let site = try BrokerSite(cores: 1)
        _ = try await site.makeAvailable()
        try await site.makeOffers(BrokerSite.parts(start: "\(aTuesday)/PT10M"))
        #expect(try site.reasons() == ["urn:srcnet:reason:no-capacity"])
        #expect(
            try site.response()["meta"]?["messages"]?[0]?["values"]?["nearest"]
                == .string((aTuesday + .seconds(3_610)).description))
        try await site.requestOffers(BrokerSite.parts(start: "\(aTuesday)/PT30S"))
        try await site.locate(BrokerSite.replica(local: false, seconds: 60))
        try await site.resolve()
        #expect(try site.reasons() == ["urn:srcnet:reason:window-too-early"])
    }

    @Test func `the twenty-first open set of offers of a user is refused, and no one else's`() async throws {
        let site = try BrokerSite(cores: 100, memory: 100)
        var sessions: [String] = []
        for _ in 0..<20 { sessions.append(try await site.offer()) }
        let refused = try await site.requestOffers()
        #expect(refused.messages.count == 1)
        #expect(try site.reasons() == ["urn:srcnet:reason:quota"])
        _ = try await site.offer(owner: "grace")
        // One that is no longer open makes room.
        try await site.set("REJECTED", sessions[0])
        _ = try await site.offer()
        try await site.advance(.seconds(301))
        try await site.expectAllFree()
    }

    @Test func `requests that wait at the same time do not get past the quota`() async throws {
        let site = try BrokerSite(cores: 100, memory: 100)
        for number in 1...21 { try await site.requestOffers(BrokerSite.parts(data: []), offerset: uuid(number)) }
        for question in site.sent where question.type == "srcnet.image.resolve.v1" {
            try await site.answer(
                question, "srcnet.image.v1",
                ["image": "i", "digest": .string(BrokerSite.digest), "size": 1, "present": true, "entrypoint": []])
        }
        let results = site.sent.filter { $0.type == "srcnet.offer.response.v1" }.map { $0.json["result"]?.string }
        #expect(results.count == 21)
        #expect(results.filter { $0 == "YES" }.count == 20)
        #expect(try site.reasons() == ["urn:srcnet:reason:quota"])
    }

    @Test func `only global-execution may ask for offers`() async throws {
        let site = try BrokerSite()
        let effects = try await site.requestOffers(from: "ada")
        #expect(try effects.problem().kind == .notAuthorised)
        #expect(effects.messages.count == 1)
    }

    @Test func `a request that is wrong is answered with all that is wrong`() async throws {
        let site = try BrokerSite()
        let effects = try await site.send(
            "srcnet.offer.request.v1", ["offerset": "x", "owner": [:]], from: "global-execution")
        #expect(
            Set(try effects.faults()) == ["/request", "/offerset", "/owner/iss", "/owner/sub", "/deadline"])
    }

    @Test func `offers for one set are made once`() async throws {
        let site = try BrokerSite()
        try await site.requestOffers(offerset: uuid(77))
        #expect(try await site.requestOffers(offerset: uuid(77)).problem().kind == .idempotencyConflict)
        try await site.locate(BrokerSite.replica())
        try await site.resolve()
        #expect(try await site.requestOffers(offerset: uuid(77)).problem().kind == .idempotencyConflict)
        #expect(site.harness.participant.ledger.capacity.count == 1)
    }

    @Test func `a request whose time is over is answered so`() async throws {
        let site = try BrokerSite()
        #expect(try await site.requestOffers(within: .zero).problem().kind == .deadlineExceeded)
    }

    @Test func `answers of others are parked, and change nothing`() async throws {
        let site = try BrokerSite()
        try await site.requestOffers()
        let locate = try site.last("srcnet.data.locate.v1")
        let forged = try await site.answer(
            locate, "srcnet.replicas.v1", ["replicas": [BrokerSite.replica()], "unknown": []], from: "prepare-data.idia"
        )
        #expect(try forged.parkedReason().hasPrefix("not-authorised"))
        let problem = try await site.refuse(locate, Problem(.notFound, "x"), from: "ada")
        #expect(try problem.parkedReason().hasPrefix("not-authorised"))
        let wrong = try await site.answer(locate, "srcnet.replicas.v1", ["unknown": []])
        #expect(try wrong.parkedReason().hasPrefix("invalid"))
        try await site.locate(BrokerSite.replica())
        try await site.resolve()
        #expect(try site.response()["result"] == "YES")
    }
}
