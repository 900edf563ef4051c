import GlobalExecution
import MessageBus
import Testing
import Wire

@Suite struct ClaimingTests {
    private let network = GlobalNetwork()
    private let a1 = uuid(11)
    private let a2 = uuid(12)
    private let b1 = uuid(21)

    /// An offerset with two offers of site A and one of site B.
    private func offerset() async throws -> String {
        let id = try #require(try await network.gather().correlationID)
        _ = try await network.respond(
            id, "site-a", [network.offer(a1, site: "site-a"), network.offer(a2, site: "site-a")])
        _ = try await network.respond(id, "site-b", [network.offer(b1, site: "site-b")])
        return id
    }

    private func claim(
        _ offerset: String, _ offer: String, _ site: String, _ claim: Int, verb: String = "claim",
        from sender: String? = nil
    ) async throws -> GlobalNetwork.Effects {
        try await network.harness.send(
            "srcnet.offer.\(verb).v1",
            [
                "offerset": .string(offerset), "offer": .string(offer), "site": .string(site),
                "claim": .string(uuid(1_000 + claim)),
            ], from: sender ?? "execution-broker.\(site)",
            replyTo: sender.map { "client.\($0).1" } ?? "execution-broker.\(site)")
    }

    @Test func `the first claim of an offerset wins for all sites`() async throws {
        let id = try await offerset()
        let won = try await claim(id, a1, "site-a", 1).reply()
        #expect(won.type == "srcnet.offer.claimed.v1")
        #expect(won.key == "execution-broker.site-a")
        #expect(
            won.json == [
                "offerset": .string(id), "offer": .string(a1), "site": "site-a", "claim": .string(uuid(1_001)),
                "claimed": true,
            ])
        for (offer, site) in [(b1, "site-b"), (a2, "site-a")] {
            let lost = try await claim(id, offer, site, 2).problem()
            #expect(lost.kind == .offerTaken)
            #expect(lost.members["accepted"] == .string(a1))
        }
        _ = try await network.harness.advance(by: .seconds(86_400))
        #expect(try await claim(id, b1, "site-b", 3).problem().kind == .offerTaken, "claims never lapse by time")
    }

    @Test func `an unclaim ends its own claim only, also one that has not arrived`() async throws {
        let id = try await offerset()
        _ = try await claim(id, a1, "site-a", 1)
        _ = try await claim(id, a1, "site-a", 2)
        let ended = try await claim(id, a1, "site-a", 1, verb: "unclaim").reply()
        #expect(ended.type == "srcnet.offer.claimed.v1")
        #expect(ended.json["claimed"] == false)
        #expect(
            try await claim(id, a1, "site-a", 1, verb: "unclaim").problem().kind == .notFound, "it is ended already")
        #expect(try await claim(id, b1, "site-b", 3).problem().kind == .offerTaken)
        _ = try await claim(id, a1, "site-a", 2, verb: "unclaim")
        _ = try await claim(id, b1, "site-b", 4, verb: "unclaim")
        #expect(try await claim(id, b1, "site-b", 4).problem().kind == .deadlineExceeded)
        #expect(try await claim(id, b1, "site-b", 5).reply().json["claimed"] == true)
    }

    @Test(arguments: ["claim", "unclaim"])
    func `a claim is checked in the order of the contract`(verb: String) async throws {
        let id = try await offerset()
        let faults = try await network.harness.send(
            "srcnet.offer.\(verb).v1", ["offer": 1, "site": "any", "claim": "x"], from: "execution-broker.site-a"
        ).faults()
        #expect(Set(faults) == ["/offerset", "/offer", "/site", "/claim"])
        #expect(try await claim(uuid(9), a1, "site-a", 1, verb: verb).problem().kind == .notFound)
        #expect(try await claim(id, uuid(9), "site-a", 1, verb: verb).problem().kind == .notFound)
        #expect(
            try await claim(id, a1, "site-b", 1, verb: verb).problem().kind == .notFound, "an offer of another site")
        for sender in ["ada", "execution-broker.site-b", "global-execution"] {
            let problem = try await claim(id, a1, "site-a", 1, verb: verb, from: sender).problem()
            #expect(problem.kind == .notAuthorised)
        }
    }

    @Test func `an acceptance rejects the siblings at the other sites, once`() async throws {
        let id = try await offerset()
        _ = try await claim(id, a1, "site-a", 1)
        let accepted = try await network.event("ACCEPTED", a1, of: id, at: "site-a")
        #expect(accepted.messages.map(\.key) == ["execution-broker.site-b"])
        #expect(
            accepted.messages.first?.json == [
                "session": .string(b1), "phase": "REJECTED", "accepted": .string(a1),
            ])
        let next = try await network.event("PREPARING", a1, of: id, at: "site-a", sequence: 2)
        #expect(next.messages.isEmpty)
        _ = try await claim(id, a1, "site-a", 1, verb: "unclaim")
        #expect(try await claim(id, b1, "site-b", 2).problem().kind == .offerTaken, "nothing ends an acceptance")
        let read = try await network.ask("srcnet.offerset.get.v1", ["uuid": .string(id)]).reply().json
        #expect(read["accepted"] == .string(a1))
    }

    @Test func `an acceptance that is told by another than the site's broker is parked`() async throws {
        let id = try await offerset()
        for sender in ["ada", "execution-broker.site-b"] {
            let effects = try await network.event("ACCEPTED", a1, of: id, at: "site-a", from: sender)
            #expect(try effects.parkedReason().hasPrefix("not-authorised"))
        }
        let other = try await network.event("ACCEPTED", a1, of: id, at: "site-b")
        #expect(other.messages.isEmpty, "site B has no such offer")
        #expect(try await claim(id, b1, "site-b", 2).reply().json["claimed"] == true)
    }

    @Test func `an offer accepted while others are still gathered keeps late ones from being held`() async throws {
        let id = try #require(try await network.gather().correlationID)
        _ = try await network.respond(id, "site-a", [network.offer(a1, site: "site-a")])
        _ = try await claim(id, a1, "site-a", 1)
        #expect(try await network.event("ACCEPTED", a1, of: id, at: "site-a").messages.isEmpty)
        let effects = try await network.respond(id, "site-b", [network.offer(b1, site: "site-b")])
        #expect(effects.commands(to: "execution-broker.site-b").map(\.json["session"]) == [.string(b1)])
        #expect(try effects.reply().json["offers"]?.array?.count == 1)
    }
}
