public import Wire

/// The offers of all sites for one submission, and which of them has won: kept by `global-execution` alone.
public struct OfferSet: Sendable, Hashable, Codable {
    /// One offer of a site.
    public struct Entry: Sendable, Hashable, Codable {
        public let session: SessionID
        public let site: SiteName
        /// The document as the site sent it.
        public let document: JSON
        /// The phase that it is known to have by now.
        public internal(set) var phase: Phase
        /// The number of the event that told it; an older event changes nothing.
        var sequence: Int64
    }

    /// A site that offers nothing.
    public struct Refusal: Sendable, Hashable, Codable {
        public let site: SiteName
        /// Why.
        public let messages: [JSON]
    }

    /// The claim that has won.
    public struct Winner: Sendable, Hashable, Codable {
        public let claim: ClaimID
        public let session: SessionID
        public let site: SiteName
    }

    public let id: OfferSetID
    public let owner: Owner
    public let workstep: WorkstepReference?
    public let created: Timestamp
    /// When the gather ends at the latest.
    public let deadline: Timestamp
    /// The sites that were asked, in order.
    public let asked: [SiteName]
    public private(set) var offers: [Entry] = []
    public private(set) var refused: [Refusal] = []
    /// When the gather ended; nil while it goes on.
    public private(set) var completed: Timestamp?
    public private(set) var winner: Winner?
    /// Claims that were taken back, also before they came.
    private var endedClaims: Set<ClaimID> = []

    public init(
        id: OfferSetID, owner: Owner, workstep: WorkstepReference?, created: Timestamp, deadline: Timestamp,
        asked: some Sequence<SiteName>
    ) {
        self.id = id
        self.owner = owner
        self.workstep = workstep
        self.created = created
        self.deadline = deadline
        self.asked = Set(asked).sorted()
    }

    /// The sites that have not answered.
    public var silent: [SiteName] {
        let answered = Set(offers.map(\.site) + refused.map(\.site))
        return asked.filter { !answered.contains($0) }
    }

    /// Whether nobody is left to answer.
    public var isAnswered: Bool { silent.isEmpty }

    /// Takes in a site's answer.
    ///
    /// - Returns: false where it comes too late, twice, or unasked: its offers are then to be rejected.
    public mutating func note(_ response: OfferResponse) -> Bool {
        guard completed == nil, response.offerset == id, silent.contains(response.site) else { return false }
        if response.offers.isEmpty {
            refused.append(Refusal(site: response.site, messages: response.messages))
            return true
        }
        for document in response.offers {
            guard let session = document["meta"]?["uuid"]?.string.flatMap(SessionID.init) else { continue }
            let sequence = document["sequence"]?.int ?? 1
            offers.append(
                Entry(session: session, site: response.site, document: document, phase: .offered, sequence: sequence))
        }
        return true
    }

    /// Takes in that a site answers with a problem instead.
    public mutating func note(_ problem: Problem, of site: SiteName, at now: Timestamp) {
        guard completed == nil, silent.contains(site) else { return }
        let notice = Notice(.unavailable, "{text}", values: ["text": problem.detail], level: .error, at: now)
        refused.append(Refusal(site: site, messages: [notice.json]))
    }

    /// Ends the gather.
    public mutating func complete(at now: Timestamp) {
        if completed == nil { completed = now }
    }

    /// Takes in a phase of one of the offers.
    ///
    /// - Returns: the siblings to be rejected, where this one was accepted.
    public mutating func note(_ fact: SessionFact) -> [Entry] {
        guard let index = offers.firstIndex(where: { $0.session == fact.session && $0.site == fact.site }),
            fact.sequence > offers[index].sequence
        else { return [] }
        offers[index].phase = fact.phase
        offers[index].sequence = fact.sequence
        guard fact.phase == .accepted else { return [] }
        return offers.filter { $0.session != fact.session && $0.phase == .offered }
    }
}

// Claims (contract.md, "Accepting, in this order").
extension OfferSet {
    /// Claims an offer for who is about to accept it. The first claim wins for all sites; the same offer may replace its
    /// own. Claims never lapse by time.
    public mutating func claim(_ claim: ClaimID, of session: SessionID, at site: SiteName) throws(Problem) {
        guard offers.contains(where: { $0.session == session && $0.site == site }) else {
            throw Problem(.notFound, "The set has no offer \(session) of \(site)")
        }
        if let winner, winner.session != session { throw .offerTaken(winner.session) }
        guard !endedClaims.contains(claim) else { throw .offerTaken(winner?.session) }
        winner = Winner(claim: claim, session: session, site: site)
    }

    /// Ends one claim and no other, also one that has not come yet.
    public mutating func unclaim(_ claim: ClaimID) {
        endedClaims.insert(claim)
        if winner?.claim == claim { winner = nil }
    }
}

extension OfferSet {
    /// `srcnet.offerset.v1`.
    public var document: JSON {
        let shown = offers.sorted { ($0.start, $0.site, $0.session) < ($1.start, $1.site, $1.session) }
        return .object(compacting: [
            "kind": .string(Kinds.offerset),
            "meta": [
                "uuid": .string(id.description), "created": .string(created.description),
                "messages": .array(messages),
            ],
            "result": offers.isEmpty ? "NO" : "YES",
            "workstep": workstep?.json,
            "offers": .array(shown.map(\.shown)),
            "sites": [
                "asked": .array(asked.map { .string($0.description) }),
                "silent": .array(silent.map { .string($0.description) }),
                "refused": .array(
                    refused.map { ["site": .string($0.site.description), "messages": .array($0.messages)] }),
            ],
        ])
    }

    /// Why there are no offers, or fewer than could be.
    private var messages: [JSON] {
        let time = completed ?? created
        if asked.isEmpty {
            return [Notice(.unavailable, "No site could be asked: none gives a sign of life", at: time).json]
        }
        let silence = silent.map { site in
            Notice(.unavailable, "{site} did not answer in time", values: ["site": site.description], at: time).json
        }
        return silence + (offers.isEmpty ? refused.flatMap(\.messages) : [])
    }
}

extension OfferSet.Entry {
    /// From when it can be used.
    var start: Timestamp {
        let text = document["schedule"]?["available"]?["start"]?.string ?? ""
        return Timestamp(String(text.prefix { $0 != "/" })) ?? Timestamp(microseconds: .max)
    }

    /// The document with the phase that it has by now. What may be set then, its broker tells.
    var shown: JSON {
        guard phase != .offered else { return document }
        var document = document
        document["phase"] = .string(phase.rawValue)
        document["status"] = .string(phase.status.rawValue)
        document["sequence"] = .int(sequence)
        document["expires"] = nil
        var meta = document["meta"] ?? [:]
        meta["options"] = []
        document["meta"] = meta
        return document
    }
}
