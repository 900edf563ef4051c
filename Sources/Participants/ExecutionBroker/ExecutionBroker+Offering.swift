internal import ExecutionModel
internal import MessageBus
internal import Wire

/// From a request for offers to the site's answer (diagrams.md, I5).
extension ExecutionBroker {
    mutating func takeOfferRequest(_ message: Message, _ decision: inout Decision) throws {
        let request = try OfferRequest(parsing: message.body)
        try require(message, from: .globalExecution)
        try refuseRepetition(of: request.offerset, decision)
        let now = decision.now
        guard request.deadline > now else {
            throw Problem(.deadlineExceeded, "the deadline \(request.deadline) has passed")
        }
        let refusals = try self.refusals(of: request, decision)
        guard refusals.isEmpty, let image = image(of: request) else {
            return respond(to: message.request, request, offers: [], notices: refusals, &decision)
        }
        let until = request.deadline - Self.margin(request.deadline - now)
        let dids = request.request.data.compactMap(\.source.did)
        let pending = PendingOffer(
            request: message.request, body: message.body, needsData: !dids.isEmpty, asked: image)
        if pending.needsData {
            decision.ask(
                MessageType.dataLocate.rawValue, of: address(of: .prepareData), LocateQuery(data: dids).json,
                correlationID: Correlation.data(request.offerset).text, deadline: until)
        }
        decision.ask(
            MessageType.imageResolve.rawValue, of: address(of: .harbor), ResolveQuery(image: image).json,
            correlationID: Correlation.image(request.offerset).text, deadline: until)
        try decision.save(pending, kind: PendingOffer.kind, id: request.offerset.description)
        decision.setTimer(BrokerTimer.answers(request.offerset).name, at: until)
    }

    /// How long before the deadline the site answers, so that its answer is there in time.
    private static func margin(_ left: Duration) -> Duration { min(.milliseconds(250), left / 5) }

    private func image(of request: OfferRequest) -> ImageReference? {
        request.request.executable.image ?? settings.executables[request.request.executable.kind]
    }

    private func refuseRepetition(of offerset: OfferSetID, _ decision: Decision) throws {
        let id = offerset.description
        guard try decision.load(PendingOffer.self, kind: PendingOffer.kind, id: id) == nil,
            try decision.load(OpenOfferSet.self, kind: OpenOfferSet.kind, id: id) == nil
        else { throw Problem(.idempotencyConflict, "offers for offerset \(offerset) were asked for before") }
    }

    /// Why the site makes no offers, whatever others know: all reasons.
    private func refusals(of request: OfferRequest, _ decision: Decision) throws -> [Notice] {
        let now = decision.now
        var notices = settings.abilities.refusals(of: request.request, at: now)
        // A replica that lies here is seen by sessions as it is: what one of them wrote, all would read.
        let data = Set(request.request.data.flatMap { [$0.name, $0.uuid] }.compactMap { $0 })
        for (index, volume) in request.request.compute.volumes.enumerated()
        where volume.mode == .readWrite && data.contains(volume.resource) {
            notices.append(
                Notice(
                    .notSupported, "Data can be read only: {resource} is to be written",
                    values: ["resource": volume.resource], path: "compute.volumes[\(index)].mode", at: now))
        }
        return notices + (try quota(request.owner, decision))
    }

    /// Why a user gets no more offers.
    private func quota(_ owner: Owner, _ decision: Decision) throws -> [Notice] {
        let limit = settings.openOfferSets
        let open = try decision.list(
            OpenOfferSet.self, kind: OpenOfferSet.kind, group: StoredSession.group(of: owner), limit: limit)
        guard open.count >= limit else { return [] }
        return [
            Notice(
                .quota, "{limit} sets of offers are open at this site: accept or reject one of them first",
                values: ["limit": "\(limit)"], at: decision.now)
        ]
    }

    // MARK: What others know

    mutating func takeKnowledge(_ message: Message, _ decision: inout Decision) throws {
        switch Correlation(message.correlationID) {
        case .data(let id):
            try require(message, from: .prepareData)
            _ = try Replicas(message.body)
            try note(.answered(message.body), \.data, of: id, &decision)
        case .image(let id):
            try require(message, from: .harbor)
            _ = try ImageDocument(message.body)
            try note(.answered(message.body), \.image, of: id, &decision)
        default: throw Problem(.invalid, "\(message.type) answers no question for offers")
        }
    }

    mutating func note(
        _ reply: PendingOffer.Reply, _ part: WritableKeyPath<PendingOffer, PendingOffer.Reply?>, of id: OfferSetID,
        _ decision: inout Decision
    ) throws {
        // An answer that comes after the site's own is too late to matter.
        guard var pending = try decision.load(PendingOffer.self, kind: PendingOffer.kind, id: id.description) else {
            return
        }
        pending[keyPath: part] = reply
        if pending.isComplete {
            try answer(pending, id, &decision)
        } else {
            try decision.save(pending, kind: PendingOffer.kind, id: id.description)
        }
    }

    mutating func answersAreDue(_ id: OfferSetID, _ decision: inout Decision) throws {
        guard let pending = try decision.load(PendingOffer.self, kind: PendingOffer.kind, id: id.description) else {
            return
        }
        try answer(pending, id, &decision)
    }

    // MARK: Answering

    private mutating func answer(_ pending: PendingOffer, _ id: OfferSetID, _ decision: inout Decision) throws {
        decision.delete(kind: PendingOffer.kind, id: id.description)
        decision.cancelTimer(BrokerTimer.answers(id).name)
        let request = try OfferRequest(parsing: pending.body)
        let pace = try decision.load(Pace.self, kind: Pace.kind, id: Pace.id) ?? Pace()
        let need = SiteNeed(pending, request, pace: pace, site: settings.site, at: decision.now)
        var notices = need.refusals + (try quota(request.owner, decision))
        var offers: [Session] = []
        if notices.isEmpty, let pinned = need.pinned, let estimate = need.estimate {
            switch slots(SlotRequest(request.request, estimate), at: decision.now) {
            case .success(let slots): offers = try makeOffers(slots, pinned, estimate, &decision)
            case .failure(let none): notices.append(none.notice(at: decision.now))
            }
        }
        respond(to: pending.request, request, offers: offers, notices: notices, &decision)
    }

    private mutating func slots(_ request: SlotRequest, at now: Timestamp) -> Result<[Slot], NoSlot> {
        do throws(NoSlot) {
            return .success(try ledger.slots(for: request, at: now))
        } catch {
            return .failure(error)
        }
    }

    private mutating func makeOffers(
        _ slots: [Slot], _ request: OfferRequest, _ estimate: PreparationEstimate, _ decision: inout Decision
    ) throws -> [Session] {
        var offers: [Session] = []
        for (number, slot) in slots.enumerated() {
            let offer = Offer(
                cores: slot.cores, memory: slot.memory, schedule: slot.schedule, expires: slot.expires,
                estimate: estimate)
            let session = try Session(offer, number: number, of: request, at: settings.site, now: decision.now) {
                decision.newID()
            }
            try ledger.hold(Booking(session), &decision)
            offers.append(try play(.offered, StoredSession(session), &decision).session)
        }
        let open = OpenOfferSet(owner: request.owner, offers: Set(offers.map(\.id)))
        try decision.save(
            open, kind: OpenOfferSet.kind, id: request.offerset.description,
            group: StoredSession.group(of: request.owner))
        return offers
    }

    private func respond(
        to message: Request, _ request: OfferRequest, offers: [Session], notices: [Notice],
        _ decision: inout Decision
    ) {
        let response = OfferResponse(
            request, at: settings.site, now: decision.now, offers: offers, notices: notices)
        decision.answer(message, MessageType.offerResponse.rawValue, response.json)
    }
}

extension SlotRequest {
    fileprivate init(_ workstep: Workstep, _ estimate: PreparationEstimate) {
        self.init(
            cores: workstep.compute.cores, memory: workstep.compute.memory, duration: workstep.requested.duration,
            window: workstep.requested.window, preparation: estimate.total, compute: estimate.compute)
    }
}
