internal import ExecutionModel
internal import MessageBus
internal import Wire

/// One winner for an offerset across all sites (contract.md, "Accepting, in this order", steps 2 and 4).
extension GlobalExecution {
    func claim(_ message: Message, _ decision: inout Decision) throws {
        let request = try ClaimRequest(parsing: message.body)
        var offerset = try load(request, message, decision)
        switch offerset.claims.claim(request.offer, request.claim) {
        case .claimed: decision.answer(message.request, MessageType.offerClaimed.rawValue, request.json(claimed: true))
        case .taken(let winner): throw Problem.offerTaken(winner)
        case .ended: throw Problem(.deadlineExceeded, "claim \(request.claim) was ended before it arrived")
        }
        try save(offerset, &decision)
    }

    func unclaim(_ message: Message, _ decision: inout Decision) throws {
        let request = try ClaimRequest(parsing: message.body)
        var offerset = try load(request, message, decision)
        // A broker that took the answer to an unclaim for one to a claim would unclaim again, for ever: a problem ends that.
        guard offerset.claims.unclaim(request.claim) else {
            throw Problem(.notFound, "claim \(request.claim) was ended before")
        }
        try save(offerset, &decision)
        decision.answer(message.request, MessageType.offerClaimed.rawValue, request.json(claimed: false))
    }

    private func load(_ request: ClaimRequest, _ message: Message, _ decision: Decision) throws -> Gather {
        guard let offerset = try loadOfferSet(request.offerset, decision) else {
            throw Problem(.notFound, "there is no offerset \(request.offerset)")
        }
        guard offerset.site(of: request.offer) == request.site else {
            throw Problem(.notFound, "offerset \(request.offerset) lists no offer \(request.offer) of \(request.site)")
        }
        try require(message, from: ParticipantName.executionBroker.address(at: request.site))
        return offerset
    }
}

/// The body of `srcnet.offer.claim.v1` and `.unclaim.v1`: `{offerset, offer, site, claim}`.
struct ClaimRequest {
    let offerset: OfferSetID
    let offer: SessionID
    let site: SiteName
    let claim: ClaimID

    init(parsing json: JSON) throws(Problem) {
        let reader = JSONReader(json)
        let offerset = reader.identifier("offerset", of: OfferSetID.self, required: true)
        let offer = reader.identifier("offer", of: SessionID.self, required: true)
        let site = reader.site("site", required: true)
        let claim = reader.identifier("claim", of: ClaimID.self, required: true)
        try reader.finish()
        guard let offerset, let offer, let site, let claim else { throw Problem(.invalid, "This is no claim") }
        self.offerset = offerset
        self.offer = offer
        self.site = site
        self.claim = claim
    }

    /// The body of `srcnet.offer.claimed.v1`. That `claimed` is false is the answer to an unclaim.
    func json(claimed: Bool) -> JSON {
        [
            "offerset": .string(offerset.description), "offer": .string(offer.description),
            "site": .string(site.description), "claim": .string(claim.description), "claimed": .bool(claimed),
        ]
    }
}
