import ExecutionModel
import Testing
import Wire

struct SessionDocumentTests {
    @Test func `an offer reads as the standard writes it`() throws {
        let document = try Situation.offered.play().session.document(for: .owner)
        #expect(document["kind"] == .string(Kinds.session))
        #expect(document["meta"]?["name"] == "nb-offer-0")
        #expect(document["phase"] == "OFFERED")
        #expect(document["status"] == "offered")
        #expect(document["expires"] == "2026-11-24T10:05:00Z")
        #expect(document["site"] == "ral")
        #expect(document["workstep"] == ["uuid": .string(uuid(90)), "revision": 2])
        #expect(document["compute"]?["cores"] == ["min": 2, "max": 2])
        #expect(document["compute"]?["phase"] == "INITIALIZING")
        #expect(document["executable"]?["meta"]?["name"] == "nb")
        #expect(document["executable"]?["meta"]?["uuid"]?.string.map(isUUID) == true)
        #expect(document["data"]?[0]?["rucio"] == ["scope": "demo", "object": "hcn-cube", "type": "FILE"])
        #expect(
            document["data"]?[0]?["access"]
                == ["local": false, "bytes": 15_000_000, "source": "RSE_B", "duration": "PT15S"])
        #expect(document["connectors"] == [])
        let schedule = try #require(document["schedule"])
        #expect(schedule["requested"] == ["duration": "PT1H"])
        #expect(schedule["preparing"] == ["start": "2026-11-24T10:00:00Z", "duration": "PT20S"])
        #expect(schedule["available"] == ["start": "2026-11-24T10:00:20Z/PT5M", "duration": "PT1H"])
        #expect(schedule["releasing"] == ["start": "2026-11-24T11:05:20Z", "duration": "PT10S"])
        #expect(schedule["observed"] == [:])
    }

    @Test(arguments: Situation.allCases)
    func `options are what the owner may set now, and nobody else`(situation: Situation) throws {
        let session = try situation.play().session
        let options = session.document(for: .owner)["meta"]?["options"]
        let values = session.phase.successors(by: .client).map { JSON.string($0.rawValue) }
        if values.isEmpty {
            #expect(options == [])
        } else {
            #expect(options == [["kind": "uri:enum-value-option", "path": "phase", "values": .array(values)]])
        }
        #expect(session.document(for: .other)["meta"]?["options"] == [])
    }

    @Test(arguments: Situation.allCases)
    func `the way in is shown to the owner alone, while there is one`(situation: Situation) throws {
        let session = try situation.play().session
        let owners = session.document(for: .owner)
        let text = owners.text + session.document(for: .other).text
        if situation == .available {
            #expect(
                owners["connectors"] == [
                    [
                        "kind": "urn:jupyter-notebook", "status": "AVAILABLE", "protocol": "HTTP",
                        "location": .string(sessionURL),
                    ]
                ])
            #expect(!session.document(for: .other).text.contains("secret"))
        } else {
            #expect(!text.contains("secret"))
        }
        #expect(!session.fact.json.text.contains("secret"))
    }

    @Test func `what is only promised is not shown once it is accepted`() throws {
        let document = try Situation.preparing.play().session.document(for: .owner)
        #expect(document["expires"] == nil)
        #expect(document["schedule"]?["available"]?["start"] == "2026-11-24T10:00:20Z/PT0S")
        #expect(document["schedule"]?["observed"]?["accepted"] == "2026-11-24T10:00:00Z")
        #expect(document["data"]?[0]?["phase"] == "PREPARING")
        #expect(document["tasks"]?.array?.count == 4)
    }

    @Test func `what happened is shown beside what was promised`() throws {
        var play = SessionPlay(makeSession())
        try play.play(Way.starting)
        try play.play(.task(.canfar, .completed(startedSession, mayStayUntil: nil)), at: 12)
        try play.play(setPhase(.releasing), at: 100)
        play.now = instant(103)
        try play.play(Way.released)
        let document = play.session.document(for: .owner)
        #expect(
            document["schedule"]?["observed"] == [
                "accepted": "2026-11-24T10:00:00Z",
                "preparing": ["start": "2026-11-24T10:00:00Z", "duration": "PT12S"],
                "available": ["start": "2026-11-24T10:00:12Z/PT0S", "duration": "PT1M28S"],
                "releasing": ["start": "2026-11-24T10:01:40Z", "duration": "PT3S"],
            ])
        #expect(document["status"] == "completed")
        #expect(document["compute"]?["phase"] == "COMPLETED")
    }

    @Test func `a failure says what has failed and why`() throws {
        let document = try Situation.failed.play().session.document(for: .owner)
        #expect(document["reason"] == "harbor-failed")
        #expect(document["meta"]?["messages"]?[0]?["message"] == "harbor-failed: digest-mismatch")
        #expect(document["executable"]?["phase"] == "FAILED")
    }

    @Test func `limits that a site does not enforce are said`() throws {
        var play = SessionPlay(makeSession())
        try play.play(Way.starting)
        let started = StartedSession(
            url: sessionURL, token: "secret", kind: .jupyterNotebook, unlimited: ["memory is not limited here"])
        try play.play(.task(.canfar, .completed(started.json, mayStayUntil: nil)))
        let messages = play.session.document(for: .owner)["meta"]?["messages"]
        #expect(messages?[0]?["message"] == "memory is not limited here")
    }

    @Test func `an older generation is written as the newest`() throws {
        let types = "https://www.purl.org/ivoa.net/EB/schema/types"
        let parts: JSON = [
            "executable": [
                "type": .string("\(types)/executable/jupyter-notebook-1.0"), "name": "nb", "colour": "green",
            ],
            "computer": ["type": .string("\(types)/computer/simple-compute-resource-1.0"), "cores": ["min": 2]],
            "volumes": [
                ["type": .string("\(types)/volume/simple-volume-mount-1.0"), "path": "/in", "resources": ["a"]]
            ],
            "data": [
                [
                    "type": .string("\(types)/data/rucio-data-resource-1.0"), "name": "a",
                    "rucio": ["scope": "demo", "object": "x", "type": "DATASET"],
                ]
            ],
        ]
        var request = offerRequest
        request.parts = parts
        request.request = try Workstep.parse(parts)
        let session = makeSession(of: request)
        #expect(try session.readWorkstep() == request.request)
        let document = session.document(for: .owner)
        #expect(document["executable"]?["kind"] == .string(ExecutableKind.jupyterNotebook.uri))
        #expect(document["executable"]?["type"] == nil)
        #expect(document["executable"]?["colour"] == "green")
        #expect(document["executable"]?["meta"]?["name"] == "nb")
        #expect(document["compute"]?["volumes"]?[0]?["resource"] == "a")
        #expect(document["data"]?[0]?["rucio"]?["type"] == "DATASET")
    }

    @Test func `an event says what has happened and no secret`() throws {
        let fact = try Situation.available.play().session.fact
        #expect(fact.key == "session.ral.available.\(fact.session)")
        #expect(fact.json["phase"] == "AVAILABLE")
        #expect(fact.json["previous"] == "PREPARING")
        #expect(fact.json["sequence"] == 4)
        #expect(try SessionFact(parsing: fact.json, site: siteRAL) == fact)
    }
}
