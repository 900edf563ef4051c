internal import ExecutionModel
internal import MessageBus
internal import Wire

/// Lets things happen to sessions, and carries out what their machines want.
extension ExecutionBroker {
    func loadSession(_ id: SessionID, _ decision: Decision) throws -> StoredSession? {
        try decision.load(StoredSession.self, kind: StoredSession.kind, id: id.description)
    }

    /// Something happens to a session that may be unknown, such as one that a forged correlation id names.
    mutating func play(_ event: SessionEvent, on id: SessionID, _ decision: inout Decision) throws {
        guard let stored = try loadSession(id, decision) else { return }
        try play(event, stored, &decision)
    }

    /// Something happens to a session. A refusal changes nothing.
    @discardableResult
    mutating func play(
        _ event: SessionEvent, _ stored: StoredSession, _ decision: inout Decision
    ) throws -> StoredSession {
        var stored = stored
        let wasOffered = stored.session.phase == .offered
        var next: SessionEvent? = event
        while let event = next {
            next = nil
            var machine = SessionMachine(stored.session, settings: settings.session)
            let actions = try machine.handle(event, at: decision.now)
            stored.session = machine.session
            // Only the request for room is followed by an event, and each is decided on without another request.
            for action in actions { next = try carryOut(action, &stored, &decision) ?? next }
        }
        if wasOffered, stored.session.phase != .offered { try close(stored.session, &decision) }
        try decision.save(
            stored, kind: StoredSession.kind, id: stored.session.id.description,
            group: StoredSession.group(of: stored.session.owner))
        return stored
    }

    /// Carries out one action; gives the event that follows from it at once.
    private mutating func carryOut(
        _ action: SessionAction, _ stored: inout StoredSession, _ decision: inout Decision
    ) throws -> SessionEvent? {
        let session = stored.session
        switch action {
        case .askPermission(let claim): try askPermission(session, claim, &decision)
        case .claim(let claim): askToClaim(session, claim, &decision)
        case .unclaim(let claim): unclaim(session, claim, &decision)
        case .answer(let asker, let document):
            decision.answer(try asker.request(), MessageType.session.rawValue, document)
        case .refuse(let asker, let problem): decision.refuse(try asker.request(), problem)
        case .publish(let fact): emit(fact.key, session, fact.json, fact.sequence, &decision)
        case .warn(let end): warn(session, end, &decision)
        case .callBack(let message): callBack(message, &decision)
        case .rejectSiblings: try rejectSiblings(of: session, &decision)
        case .startTask(let role, let deadline): try start(role, deadline, &stored, &decision)
        case .requestRoom:
            let hasRoom = ledger.hasRoom(at: decision.now)
            return hasRoom ? .roomGranted : .roomTaken(until: decision.now + Self.roomPause)
        case .releaseTask(let role, let keep): release(role, keep, session, &decision)
        case .holdCapacity(let until): try ledger.hold(session.id, until: until, &decision)
        case .freeCapacity: ledger.free(session.id, &decision)
        case .setTimer(let timer, let due):
            decision.setTimer(BrokerTimer.session(session.id, timer).name, at: due)
        case .cancelTimer(let timer): decision.cancelTimer(BrokerTimer.session(session.id, timer).name)
        }
        return nil
    }

    /// How long a session waits before it asks again for the room that something overdue takes.
    private static var roomPause: Duration { .seconds(1) }

    // MARK: Siblings

    /// A session is an offer no more.
    private func close(_ session: Session, _ decision: inout Decision) throws {
        let id = session.offerset.description
        guard var open = try decision.load(OpenOfferSet.self, kind: OpenOfferSet.kind, id: id) else { return }
        open.offers.remove(session.id)
        if open.offers.isEmpty {
            decision.delete(kind: OpenOfferSet.kind, id: id)
        } else {
            try decision.save(
                open, kind: OpenOfferSet.kind, id: id, group: StoredSession.group(of: open.owner))
        }
    }

    private mutating func rejectSiblings(of winner: Session, _ decision: inout Decision) throws {
        let open = try decision.load(
            OpenOfferSet.self, kind: OpenOfferSet.kind, id: winner.offerset.description)
        for id in (open?.offers ?? []).sorted() where id != winner.id {
            try play(.siblingAccepted(winner.id), on: id, &decision)
        }
    }

    // MARK: Telling

    private func emit(
        _ key: String, _ session: Session, _ body: JSON, _ sequence: Int64, _ decision: inout Decision
    ) {
        decision.emit(
            MessageType.sessionEvent.rawValue, key: key, subject: session.id.description, body, sequence: sequence)
    }

    private func warn(_ session: Session, _ end: Timestamp, _ decision: inout Decision) {
        var body = session.fact.json
        body["time"] = .string(decision.now.description)
        body["endsAt"] = .string(end.description)
        emit(EventKey.sessionEnding(session.site, session.id), session, body, session.sequence, &decision)
    }

    private func callBack(_ message: CallbackMessage, _ decision: inout Decision) {
        decision.callBack(
            MessageType.callback.rawValue, address: message.address, subject: message.session.description,
            message.body, correlationID: message.correlation, sequence: message.sequence)
    }
}
