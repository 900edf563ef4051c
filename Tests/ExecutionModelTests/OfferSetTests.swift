import ExecutionModel
import FoundationEssentials
import Testing
import Wire

struct OfferSetTests {
    static func site(_ name: String) throws -> SiteName { try #require(SiteName(name)) }

    static func gathering() throws -> OfferSet {
        OfferSet(
            id: offerRequest.offerset, owner: offerRequest.owner, workstep: offerRequest.workstep, created: instant(0),
            deadline: instant(2), asked: try ["ral", "espoo", "pune"].map(site))
    }

    /// The offer of a site, whose UUID follows from its number.
    static func response(_ name: String, offers numbers: [UInt64]) throws -> OfferResponse {
        let offers = numbers.map { number -> JSON in
            makeSession(makeOffer(preparing: Double(number))).document(for: .owner)
                .with("meta/uuid", .string(uuid(number))).with("site", .string(name)).with("phase", "OFFERED")
                .with("sequence", 1)
        }
        let notices = numbers.isEmpty ? [Notice(.noCapacity, "Full", at: instant(1)).json] : []
        return OfferResponse(
            offerset: offerRequest.offerset, site: try site(name), created: instant(1), offers: offers,
            messages: notices)
    }

    static func gathered() throws -> OfferSet {
        var set = try gathering()
        _ = set.note(try response("espoo", offers: [3]))
        _ = set.note(try response("ral", offers: [1, 2]))
        set.complete(at: instant(2))
        return set
    }

    @Test func `a set has the offers of all sites in order of time, and tells who said nothing`() throws {
        var set = try OfferSetTests.gathering()
        #expect(set.note(try OfferSetTests.response("espoo", offers: [3])))
        #expect(!set.isAnswered)
        #expect(set.note(try OfferSetTests.response("ral", offers: [1, 2])))
        set.complete(at: instant(2))
        let document = set.document
        #expect(document["result"] == "YES")
        #expect(
            document["offers"]?.array?.map { $0["meta"]?["uuid"] } == [1, 2, 3].map { .string(uuid($0)) })
        #expect(document["sites"]?["asked"] == ["espoo", "pune", "ral"])
        #expect(document["sites"]?["silent"] == ["pune"])
        #expect(document["meta"]?["messages"]?[0]?["message"] == "pune did not answer in time")
        #expect(document["workstep"]?["revision"] == 2)
    }

    @Test func `NO from all is an offerset with their reasons`() throws {
        var set = try OfferSetTests.gathering()
        for name in ["ral", "espoo"] { _ = set.note(try OfferSetTests.response(name, offers: [])) }
        set.note(Problem(.internalFault, "a fault"), of: try OfferSetTests.site("pune"), at: instant(1))
        #expect(set.isAnswered)
        set.complete(at: instant(1))
        #expect(set.document["result"] == "NO")
        #expect(set.document["sites"]?["refused"]?.array?.count == 3)
        #expect(set.document["meta"]?["messages"]?.array?.count == 3)
        #expect(set.document["offers"] == [])
    }

    @Test func `no site at all is an offerset too`() throws {
        var set = OfferSet(
            id: identifier(1), owner: offerRequest.owner, workstep: nil, created: instant(0), deadline: instant(2),
            asked: [])
        #expect(set.isAnswered)
        set.complete(at: instant(0))
        #expect(set.document["result"] == "NO")
        #expect(set.document["meta"]?["messages"]?.array?.count == 1)
    }

    @Test func `an answer that is late, second or unasked is not taken`() throws {
        var set = try OfferSetTests.gathering()
        #expect(set.note(try OfferSetTests.response("ral", offers: [1])))
        #expect(!set.note(try OfferSetTests.response("ral", offers: [2])))
        #expect(!set.note(try OfferSetTests.response("oslo", offers: [4])))
        set.complete(at: instant(2))
        #expect(!set.note(try OfferSetTests.response("espoo", offers: [3])))
        #expect(set.offers.map(\.session) == [identifier(1)])
    }

    // MARK: Claims

    @Test func `the first claim wins for all sites`() throws {
        var set = try OfferSetTests.gathered()
        try set.claim(identifier(11), of: identifier(1), at: OfferSetTests.site("ral"))
        let problem = try #require(
            #expect(throws: Problem.self) {
                try set.claim(identifier(12), of: identifier(3), at: OfferSetTests.site("espoo"))
            })
        #expect(problem.kind == .offerTaken)
        #expect(problem.members["accepted"] == .string(uuid(1)))
        #expect(throws: Problem.self) {
            try set.claim(identifier(13), of: identifier(2), at: OfferSetTests.site("ral"))
        }
        try set.claim(identifier(14), of: identifier(1), at: OfferSetTests.site("ral"))
        #expect(set.winner?.claim == identifier(14), "the same offer may replace its own")
    }

    @Test func `an unclaim ends its own claim alone`() throws {
        var set = try OfferSetTests.gathered()
        try set.claim(identifier(11), of: identifier(1), at: OfferSetTests.site("ral"))
        try set.claim(identifier(12), of: identifier(1), at: OfferSetTests.site("ral"))
        set.unclaim(identifier(11))
        #expect(set.winner?.claim == identifier(12))
        set.unclaim(identifier(12))
        #expect(set.winner == nil)
        try set.claim(identifier(13), of: identifier(3), at: OfferSetTests.site("espoo"))
    }

    @Test func `a claim that comes after its unclaim is none`() throws {
        var set = try OfferSetTests.gathered()
        set.unclaim(identifier(11))
        let problem = try #require(
            #expect(throws: Problem.self) {
                try set.claim(identifier(11), of: identifier(1), at: OfferSetTests.site("ral"))
            })
        #expect(problem.kind == .offerTaken)
        #expect(set.winner == nil)
    }

    @Test func `what the set does not list cannot be claimed`() throws {
        var set = try OfferSetTests.gathered()
        for (session, site) in [(UInt64(9), "ral"), (1, "espoo")] {
            let problem = try #require(
                #expect(throws: Problem.self) {
                    try set.claim(identifier(11), of: identifier(session), at: OfferSetTests.site(site))
                })
            #expect(problem.kind == .notFound)
        }
    }

    /// Whatever the order of claims and unclaims: one offer at most holds the set.
    @Test(arguments: UInt64(0)..<50)
    func `there are never two winners`(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var set = try OfferSetTests.gathered()
        // A broker has one acceptance of an offer at a time: a new claim of the offer means that the old one is dead.
        var holder: (claim: UInt64, offer: UInt64)?
        for step in UInt64(100)..<160 {
            let offer = UInt64.random(in: 1...3, using: &generator)
            let site = try OfferSetTests.site(offer == 3 ? "espoo" : "ral")
            if Bool.random(using: &generator) {
                let ended = UInt64.random(in: 100...step, using: &generator)
                set.unclaim(identifier(ended))
                if holder?.claim == ended { holder = nil }
            } else {
                let wins = (try? set.claim(identifier(step), of: identifier(offer), at: site)) != nil
                #expect(wins == (holder == nil || holder?.offer == offer))
                if wins { holder = (step, offer) }
            }
            #expect(set.winner?.claim == holder.map { identifier($0.claim) })
        }
    }

    // MARK: What becomes of the offers

    @Test func `the siblings of an accepted offer are to be rejected`() throws {
        var set = try OfferSetTests.gathered()
        var fact = SessionFact(
            session: identifier(2), offerset: set.id, site: try OfferSetTests.site("ral"), phase: .accepted,
            previous: .offered, sequence: 2, time: instant(5), reason: nil)
        #expect(Set(set.note(fact).map(\.session)) == [identifier(1), identifier(3)])
        #expect(set.note(fact).isEmpty, "an event that comes twice changes nothing")
        fact.phase = .offered
        fact.sequence = 1
        #expect(set.note(fact).isEmpty)
        let shown = set.document["offers"]?.array?.first { $0["meta"]?["uuid"] == .string(uuid(2)) }
        #expect(shown?["phase"] == "ACCEPTED")
        #expect(shown?["status"] == "preparing")
        #expect(shown?["expires"] == nil)
    }

    @Test func `a set is stored and read again as it was`() throws {
        var set = try OfferSetTests.gathered()
        try set.claim(identifier(11), of: identifier(1), at: OfferSetTests.site("ral"))
        set.unclaim(identifier(12))
        #expect(try JSONDecoder().decode(OfferSet.self, from: JSONEncoder().encode(set)) == set)
    }

    @Test func `an answer of a site is read as it is written`() throws {
        let response = try OfferSetTests.response("ral", offers: [1, 2])
        #expect(try OfferResponse(parsing: response.json) == response)
        #expect(response.json["result"] == "YES")
        #expect(try OfferSetTests.response("ral", offers: []).json["result"] == "NO")
        let problem = #expect(throws: Problem.self) {
            try OfferResponse(parsing: response.json.with("offers/0/meta/uuid", "7"))
        }
        #expect(problem?.errors.map(\.pointer) == ["/offers/0/meta/uuid"])
    }
}
