import ExecutionModel
import GlobalExecution
import MessageBus
import Testing
import Wire

@Suite struct GatheringTests {
    private let network = GlobalNetwork()

    private func uuids(_ offerset: JSON) -> [String] {
        (offerset["offers"]?.array ?? []).compactMap { $0["meta"]?["uuid"]?.string }
    }

    @Test func `the gather ends when all have answered, with the soonest offers first`() async throws {
        let request = try await network.gather()
        let id = try #require(request.correlationID)
        let first = try await network.respond(
            id, "site-b",
            [
                network.offer(uuid(21), start: 50, site: "site-b"), network.offer(uuid(22), start: 10, site: "site-b"),
            ])
        #expect(first.messages.isEmpty)
        let last = try await network.respond(
            id, "site-a",
            [
                network.offer(uuid(11), start: 10, site: "site-a"), network.offer(uuid(12), start: 99, site: "site-a"),
            ])
        let answer = try last.reply()
        #expect(answer.type == "srcnet.offerset.v1")
        #expect(answer.key == "client.ada.1")
        #expect(answer.json["result"] == "YES")
        #expect(answer.json["meta"]?["uuid"]?.string == id)
        #expect(answer.json["kind"]?.string?.hasSuffix("offerset/execution-offerset.yaml") == true)
        #expect(uuids(answer.json) == [uuid(11), uuid(22), uuid(21), uuid(12)])
        #expect(answer.json["sites"] == ["asked": ["site-a", "site-b"], "silent": [], "refused": []])
        #expect(last.eventKeys == ["offerset.global.completed.\(id)"])
        #expect(try await network.harness.advance(by: .seconds(70)).messages.isEmpty, "it is answered once")
    }

    @Test func `a request for offers that RabbitMQ takes from nobody is unavailable, and no NO of any site`()
        async throws
    {
        let request = try await network.gather()
        let back = try await network.answer(
            request, "srcnet.problem.v1", Problem(.unavailable, "no queue takes it").json, from: request.key)
        let answer = try back.reply()
        #expect(answer.key == "client.ada.1")
        #expect(answer.json["status"] == 503)
        #expect(answer.json["detail"]?.string?.contains("execbus topology check") == true)
        #expect(try await network.harness.advance(by: .seconds(70)).messages.isEmpty, "it is answered once")
    }

    @Test func `the same answers in another order give the same offerset`() async throws {
        var texts: Set<String> = []
        for order in [["site-a", "site-b"], ["site-b", "site-a"]] {
            let network = GlobalNetwork()
            let id = try await network.gather().correlationID
            var answer: JSON = [:]
            for site in order {
                let number = site == "site-a" ? 1 : 2
                let effects = try await network.respond(id, site, [network.offer(uuid(number), start: 5, site: site)])
                if let message = effects.messages(of: "srcnet.offerset.v1").first { answer = message.json }
            }
            texts.insert(answer["offers"]?.text ?? "")
        }
        #expect(texts.count == 1)
    }

    @Test func `at the deadline the silent are named, and the rest is answered`() async throws {
        let id = try #require(try await network.gather().correlationID)
        _ = try await network.respond(id, "site-a", [network.offer(uuid(1), site: "site-a")])
        #expect(try await network.harness.advance(by: .milliseconds(1_999)).messages.isEmpty)
        let effects = try await network.harness.advance(by: .milliseconds(1))
        let answer = try effects.reply().json
        #expect(answer["result"] == "YES")
        #expect(answer["sites"] == ["asked": ["site-a", "site-b"], "silent": ["site-b"], "refused": []])
        let event = try #require(effects.messages(of: "srcnet.event.offerset.v1").first)
        #expect(event.json["sites"] == ["asked": ["site-a", "site-b"], "silent": ["site-b"]])
        #expect(event.json["owner"] == ["iss": "urn:srcnet:rabbitmq", "sub": "ada"])
        #expect(event.sequence == 2)
    }

    @Test func `silence from all is an offerset too`() async throws {
        _ = try await network.gather()
        let answer = try await network.harness.advance(by: .seconds(2)).reply()
        #expect(answer.type == "srcnet.offerset.v1")
        #expect(answer.json["result"] == "NO")
        #expect(answer.json["offers"] == [])
        #expect(answer.json["description"] == "No site answered in time: site-a, site-b")
        #expect(answer.json["meta"]?["messages"]?[0]?["kind"] == "urn:srcnet:reason:no-offer")
    }

    @Test func `NO from all tells each site's reasons, also those of a site that could not read the request`()
        async throws
    {
        let request = try await network.gather()
        let reasons: JSON = [["kind": "urn:srcnet:reason:no-capacity", "message": "all is taken"]]
        _ = try await network.respond(request.correlationID, "site-b", [], messages: reasons)
        let effects = try await network.answer(
            request, "srcnet.problem.v1", Problem(.invalid, "what is this").json, from: "execution-broker.site-a")
        let answer = try effects.reply().json
        #expect(answer["result"] == "NO")
        #expect(answer["description"] == "No site makes an offer: site-a, site-b said no")
        let refused = try #require(answer["sites"]?["refused"]?.array)
        #expect(refused.map { $0["site"] } == ["site-a", "site-b"])
        #expect(refused[0]["messages"]?[0]?["message"] == "The site answered with a problem: what is this")
        #expect(refused[1]["messages"] == reasons)
    }

    @Test func `where no site is known the answer is NO at once`() async throws {
        let network = GlobalNetwork(sites: [])
        let effects = try await network.permit(try await network.submit())
        #expect(effects.messages(of: "srcnet.offer.request.v1").isEmpty)
        let answer = try effects.reply().json
        #expect(answer["result"] == "NO")
        #expect(answer["description"] == "No site is known to be asked")
        #expect(answer["sites"] == ["asked": [], "silent": [], "refused": []])
        let id = answer["meta"]?["uuid"]?.string ?? ""
        #expect(effects.eventKeys == ["offerset.global.created.\(id)", "offerset.global.completed.\(id)"])
        #expect(try await network.ask("srcnet.offerset.get.v1", ["uuid": .string(id)]).reply().json["result"] == "NO")
    }

    @Test func `a site whose broker gives signs of life is asked, until it was silent for 15 s`() async throws {
        let network = GlobalNetwork(sites: ["site-a"])
        func asked() async throws -> JSON? {
            let effects = try await network.permit(try await network.submit())
            return effects.messages(of: "srcnet.event.offerset.v1").first?.json["sites"]?["asked"]
        }
        #expect(try await network.heartbeat(of: "site-c").messages.isEmpty)
        #expect(try await asked() == ["site-a", "site-c"])
        try await network.harness.restart(GlobalExecution(settings: network.settings))
        #expect(try await asked() == ["site-a", "site-c"], "a restart forgets no site")
        _ = try await network.harness.advance(by: .seconds(15))
        #expect(try await asked() == ["site-a", "site-c"])
        _ = try await network.harness.advance(by: .milliseconds(1))
        #expect(try await asked() == ["site-a"])
        try await network.harness.restart(GlobalExecution(settings: network.settings))
        #expect(try await asked() == ["site-a"], "what is lost stays lost")
        _ = try await network.heartbeat(of: "site-c")
        #expect(try await asked() == ["site-a", "site-c"])
    }

    @Test func `signs of life are believed only from the broker of that site`() async throws {
        let network = GlobalNetwork(sites: [])
        _ = try await network.heartbeat(of: "site-c", from: "execution-broker.site-d")
        _ = try await network.heartbeat(of: "site-c", from: "ada")
        _ = try await network.heartbeat(of: "global", from: "execution-broker.global")
        _ = try await network.harness.send(
            "srcnet.heartbeat.v1", [:], from: "harbor.site-c", key: "site-c.harbor.host", replyTo: nil)
        _ = try await network.harness.send("srcnet.heartbeat.v1", [:], from: "x", key: "nonsense", replyTo: nil)
        let effects = try await network.permit(try await network.submit())
        #expect(try effects.reply().json["sites"]?["asked"] == [])
    }

    @Test func `offers that come after the gather are rejected at their site`() async throws {
        let id = try #require(try await network.gather().correlationID)
        _ = try await network.harness.advance(by: .seconds(2))
        let late = try await network.respond(
            id, "site-b", [network.offer(uuid(1), site: "site-b"), network.offer(uuid(2), site: "site-b")])
        let rejections = late.commands(to: "execution-broker.site-b")
        #expect(rejections.map(\.type) == ["srcnet.session.set-phase.v1", "srcnet.session.set-phase.v1"])
        #expect(rejections.map(\.json["session"]) == [.string(uuid(1)), .string(uuid(2))])
        #expect(rejections.allSatisfy { $0.json["phase"] == "REJECTED" && $0.onBehalfOf == nil && $0.isMandatory })
        #expect(late.messages.count == 2)
        let get = try await network.ask("srcnet.offerset.get.v1", ["uuid": .string(id)]).reply().json
        #expect(get["offers"] == [])
        let answered = try await network.answer(rejections[0], "srcnet.session.v1", ["phase": "REJECTED"])
        #expect(answered.messages.isEmpty)
        let refused = Problem(.refusedTransition, "it is gone")
        #expect(try await network.answer(rejections[1], "srcnet.problem.v1", refused.json).messages.isEmpty)
        #expect(try await network.harness.giveBack(rejections[0]).messages.isEmpty)
    }

    @Test func `a second answer of one site does not count, and its new offers are rejected`() async throws {
        let id = try #require(try await network.gather().correlationID)
        _ = try await network.respond(id, "site-a", [network.offer(uuid(1), site: "site-a")])
        let again = try await network.respond(
            id, "site-a", [network.offer(uuid(1), site: "site-a"), network.offer(uuid(2), site: "site-a")])
        #expect(again.commands(to: "execution-broker.site-a").map(\.json["session"]) == [.string(uuid(2))])
        let answer = try await network.respond(id, "site-b", []).reply().json
        #expect(uuids(answer) == [uuid(1)])
    }

    @Test func `a site that was not known to be asked counts when it answers`() async throws {
        let id = try #require(try await network.gather().correlationID)
        _ = try await network.respond(id, "site-0", [network.offer(uuid(1), site: "site-0")])
        _ = try await network.respond(id, "site-a", [])
        let answer = try await network.respond(id, "site-b", []).reply().json
        #expect(answer["sites"]?["asked"] == ["site-0", "site-a", "site-b"])
        #expect(uuids(answer) == [uuid(1)])
    }

    @Test func `a site may write its answer in the form of an offerset`() async throws {
        let id = try #require(try await network.gather().correlationID)
        let body = OfferResponse(
            offerset: try #require(OfferSetID(id)), site: try #require(SiteName("site-a")), created: aTuesday,
            offers: [], messages: [["message": "all is taken"]]
        ).json
        _ = try await network.harness.send(
            "srcnet.offer.response.v1", body, from: "execution-broker.site-a", replyTo: nil)
        let answer = try await network.respond(id, "site-b", []).reply().json
        #expect(answer["sites"]?["refused"]?[0]?["messages"] == [["message": "all is taken"]])
    }

    @Test func `an offer of one site cannot be listed by another`() async throws {
        let id = try #require(try await network.gather().correlationID)
        _ = try await network.respond(id, "site-a", [network.offer(uuid(1), start: 9, site: "site-a")])
        let answer = try await network.respond(id, "site-b", [network.offer(uuid(1), start: 1, site: "site-b")]).reply()
        #expect(answer.json["offers"]?.array?.map { $0["site"] } == ["site-a"])
    }

    @Test func `answers of sites are believed only from their brokers, and parked where they are wrong`() async throws {
        let id = try #require(try await network.gather().correlationID)
        let forged = try await network.respond(id, "site-a", [], from: "execution-broker.site-b")
        #expect(try forged.parkedReason().hasPrefix("not-authorised"))
        #expect(try await network.respond(uuid(9), "site-a", []).parkedReason().hasPrefix("not-found"))
        #expect(try await network.respond("x", "site-a", []).parkedReason().hasPrefix("invalid: /offerset"))
        let nameless = try await network.respond(id, "site-a", [["meta": ["uuid": "one"]]])
        #expect(try nameless.parkedReason().hasPrefix("invalid: /offers/0/meta/uuid"))
        let stranger = try await network.harness.send(
            "srcnet.problem.v1", Problem(.invalid, "").json, from: "ada", replyTo: nil, correlationID: id)
        #expect(try stranger.parkedReason().hasPrefix("not-authorised"))
        #expect(
            try await network.harness.advance(by: .seconds(2)).reply().json["sites"]?["silent"] == ["site-a", "site-b"])
    }

    @Test func `more offers than a message can hold are cut at the latest, and those are rejected`() async throws {
        let id = try #require(try await network.gather().correlationID)
        let big = (0..<10).map { network.offer(uuid($0), start: $0, site: "site-a", padding: 60_000) }
        _ = try await network.respond(id, "site-a", big)
        let more = (10..<20).map { network.offer(uuid($0), start: $0, site: "site-b", padding: 60_000) }
        let effects = try await network.respond(id, "site-b", more)
        let answer = try effects.reply()
        #expect(answer.body.count < 1 << 20)
        #expect(uuids(answer.json) == (0..<15).map { uuid($0) })
        #expect(
            effects.commands(to: "execution-broker.site-b").compactMap { $0.json["session"]?.string }
                == (15..<20).map { uuid($0) })
    }

    @Test func `an offerset is read by its owner only`() async throws {
        let id = try #require(try await network.gather().correlationID)
        let early = try await network.ask("srcnet.offerset.get.v1", ["uuid": .string(id)]).reply().json
        #expect(early["status"] == "gathering")
        #expect(early["sites"]?["silent"] == ["site-a", "site-b"])
        let effects = try await network.harness.advance(by: .seconds(2))
        let read = try await network.ask("srcnet.offerset.get.v1", ["uuid": .string(id)]).reply()
        #expect(read.type == "srcnet.offerset.v1")
        #expect(try read.json == effects.reply().json)
        let other = try await network.ask("srcnet.offerset.get.v1", ["uuid": .string(id)], from: "ben").problem()
        #expect(other.kind == .notAuthorised)
        #expect(try await network.ask("srcnet.offerset.get.v1", ["uuid": .string(uuid(9))]).problem().kind == .notFound)
        #expect(try await network.ask("srcnet.offerset.get.v1", ["uuid": "x"]).faults() == ["/uuid"])
        #expect(try await network.ask("srcnet.offerset.get.v1", [:]).faults() == ["/uuid"])
    }

    @Test func `a restart in the middle of a gather loses nothing`() async throws {
        let id = try #require(try await network.gather().correlationID)
        _ = try await network.respond(id, "site-a", [network.offer(uuid(1), site: "site-a")])
        try await network.harness.restart(GlobalExecution(settings: network.settings))
        let answer = try await network.respond(id, "site-b", [network.offer(uuid(2), site: "site-b")]).reply().json
        #expect(uuids(answer) == [uuid(1), uuid(2)])
    }
}
