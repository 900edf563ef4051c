internal import ExecutionModel
internal import MessageBus
internal import Wire

/// The offers of all sites (diagrams.md, I5 and I6).
extension GlobalExecution {
    /// Asks all known sites. Where there is none the answer is NO at once.
    mutating func gather(_ pending: PendingSubmission, _ decision: inout Decision) throws {
        guard let parts = pending.parts else { return }
        forgetSilentSites(&decision)
        let offerset = Gather(pending, asked: sites.known(at: decision.now), at: decision.now)
        decision.delete(kind: PendingSubmission.kind, id: pending.offerset.description)
        emit(.created, offerset, &decision)
        if offerset.asked.isEmpty { return try complete(offerset, nil, &decision) }
        let request = OfferRequest(
            parts: parts, request: try Workstep.parse(parts), workstep: offerset.workstep, offerset: offerset.uuid,
            owner: Owner(iss: offerset.owner.iss, sub: offerset.owner.sub, groups: offerset.owner.groups),
            deadline: offerset.deadline)
        decision.requestOffers(
            MessageType.offerRequest.rawValue, key: "offer.request.any", request.json,
            correlationID: Correlation.offers(offerset.uuid).text, until: offerset.deadline)
        try save(offerset, &decision)
    }

    /// A site has answered.
    func takeOffers(_ message: Message, _ decision: inout Decision) throws {
        let response = try SiteAnswer(parsing: message.body)
        try require(message, from: ParticipantName.executionBroker.address(at: response.site))
        try take(response, &decision)
    }

    /// A site has answered with a problem: it makes no offers, and says why.
    func takeOfferProblem(
        _ message: Message, _ problem: Problem, _ id: OfferSetID, _ decision: inout Decision
    ) throws {
        if message.sender.hasPrefix("offer.request.") { return try askedNobody(id, &decision) }
        let prefix = ParticipantName.executionBroker.rawValue + "."
        guard message.sender.hasPrefix(prefix), let site = SiteName(String(message.sender.dropFirst(prefix.count)))
        else { throw Problem(.notAuthorised, "\(message.sender) is no broker of a site") }
        try take(SiteAnswer(site: site, offerset: id, problem: problem, at: decision.now), &decision)
    }

    /// The request for offers came back: RabbitMQ could send it to nobody. That is no NO of any site.
    private func askedNobody(_ id: OfferSetID, _ decision: inout Decision) throws {
        guard let offerset = try loadOfferSet(id, decision), offerset.completed == nil else { return }
        decision.refuse(
            offerset.request,
            Problem(
                .unavailable,
                "no site could be asked: RabbitMQ takes no requests for offers; an operator sees why by "
                    + "`execbus topology check`", members: ["retryAfter": 5]))
        decision.cancelTimer(Self.timer(id))
        decision.delete(kind: Gather.kind, id: id.description)
    }

    private func take(_ response: SiteAnswer, _ decision: inout Decision) throws {
        guard var offerset = try loadOfferSet(response.offerset, decision) else {
            throw Problem(.notFound, "there is no offerset \(response.offerset)")
        }
        let (counts, late) = offerset.take(response)
        // Nobody will accept them: the site need not hold what it offers.
        reject(late, because: offerset.claims.accepted, &decision)
        guard counts else { return }
        try decision.save(
            response, kind: SiteAnswer.kind, id: response.id, group: response.offerset.description)
        if offerset.isAnswered {
            try complete(offerset, response, &decision)
        } else {
            try save(offerset, &decision)
        }
    }

    /// Ends the gather and answers the submission.
    /// - Parameter last: an answer that this decision has stored, so that the store does not show it yet.
    func complete(_ offerset: Gather, _ last: SiteAnswer?, _ decision: inout Decision) throws {
        var offerset = offerset
        let responses = try responses(offerset.uuid, decision) + [last].compactMap { $0 }
        let shown = OfferSetDocument(offerset, responses).shown
        let dropped = offerset.complete(showing: shown, at: decision.now)
        reject(dropped, because: nil, &decision)
        decision.cancelTimer(Self.timer(offerset.uuid))
        decision.answer(
            offerset.request, MessageType.offerset.rawValue, OfferSetDocument(offerset, responses).json)
        emit(.completed, offerset, &decision)
        try save(offerset, &decision)
    }

    func getOfferSet(_ message: Message, _ decision: inout Decision) throws {
        let reader = JSONReader(message.body)
        let uuid = reader.identifier("uuid", of: OfferSetID.self, required: true)
        try reader.finish()
        guard let uuid, let offerset = try loadOfferSet(uuid, decision) else {
            throw Problem(.notFound, "there is no offerset \(uuid?.description ?? "")")
        }
        guard offerset.owner.isSame(as: message.asker) else {
            throw Problem(.notAuthorised, "offerset \(offerset.uuid) belongs to somebody else")
        }
        var document = OfferSetDocument(offerset, try responses(uuid, decision))
        try document.update { try loadEntry($0, decision) }
        decision.answer(message.request, MessageType.offerset.rawValue, document.json)
    }

    /// Tells brokers that offers are rejected: a sibling was accepted, or nobody can see them.
    func reject(_ offers: [Gather.Listed], because winner: SessionID?, _ decision: inout Decision) {
        for listed in offers {
            let body = JSON.object(compacting: [
                "session": .string(listed.offer.description), "phase": .string(Phase.rejected.rawValue),
                "accepted": winner.map { .string($0.description) },
            ])
            decision.ask(
                MessageType.sessionSetPhase.rawValue, of: ParticipantName.executionBroker.address(at: listed.site),
                body, correlationID: Correlation.rejection(listed.offer).text)
        }
    }

    // MARK: Keeping

    func loadOfferSet(_ id: OfferSetID, _ decision: Decision) throws -> Gather? {
        try decision.load(Gather.self, kind: Gather.kind, id: id.description)
    }

    func save(_ offerset: Gather, _ decision: inout Decision) throws {
        try decision.save(
            offerset, kind: Gather.kind, id: offerset.uuid.description, group: Gather.group(of: offerset.owner))
    }

    private func responses(_ id: OfferSetID, _ decision: Decision) throws -> [SiteAnswer] {
        try decision.list(SiteAnswer.self, kind: SiteAnswer.kind, group: id.description, limit: 10_000)
            .map(\.state)
    }

    private func emit(_ word: EventKey.OfferSetWord, _ offerset: Gather, _ decision: inout Decision) {
        decision.emit(
            MessageType.offersetEvent.rawValue, key: EventKey.offerset(word, offerset.uuid),
            subject: offerset.uuid.description, offerset.event(at: decision.now))
    }
}
