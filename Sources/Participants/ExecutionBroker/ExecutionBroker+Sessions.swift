internal import ExecutionModel
internal import MessageBus
internal import Wire

/// What owners ask of their sessions.
extension ExecutionBroker {
    mutating func setPhase(_ message: Message, _ decision: inout Decision) throws {
        let command = try PhaseCommand(message.body, user: message.sender, correlation: message.correlationID)
        let stored = try existing(command.session, decision)
        let request = PhaseRequest(
            phase: command.phase, asker: try Asker(message.request), claim: try .new { decision.newID() },
            callback: command.callback, origin: try origin(of: command, message, stored.session))
        try play(.setPhase(request), stored, &decision)
    }

    /// On whose account a phase is set: the owner may set each, `global-execution` may reject what a sibling has won.
    private func origin(
        of command: PhaseCommand, _ message: Message, _ session: Session
    ) throws(Problem) -> PhaseRequest.Origin {
        if isOwner(message, session) { return .owner }
        let global = address(of: .globalExecution)
        if command.phase == .rejected, message.sender == global, message.asker.isSame(as: Caller(sub: global)) {
            return .sibling(command.accepted)
        }
        throw Problem(.notAuthorised, "session \(session.id) belongs to somebody else")
    }

    func getSession(_ message: Message, _ decision: inout Decision) throws {
        let reader = JSONReader(message.body)
        let id = reader.identifier("session", of: SessionID.self, required: true)
        try reader.finish()
        guard let id else { throw Problem(.invalid, "This names no session") }
        let session = try existing(id, decision).session
        guard isOwner(message, session) else {
            throw Problem(.notAuthorised, "session \(id) belongs to somebody else")
        }
        decision.answer(message.request, MessageType.session.rawValue, session.document(for: .owner))
    }

    /// The asker's own sessions at this site, in order of their ids.
    func listSessions(_ message: Message, _ decision: inout Decision) throws {
        let reader = JSONReader(message.body)
        let phase = reader.choice("phase", Phase.self)
        let asked = PageRequest(reader)
        try reader.finish()
        let owner = Owner(iss: message.asker.iss, sub: message.asker.sub)
        let page = try decision.page(
            StoredSession.self, kind: StoredSession.kind, group: StoredSession.group(of: owner), asked
        ) { phase == nil || $0.session.phase == phase }
        let body = JSON.object(compacting: [
            "sessions": .array(page.states.map(\.session.entry)), "next": page.next.map(JSON.string),
        ])
        decision.answer(message.request, MessageType.sessions.rawValue, body)
    }

    private func existing(_ id: SessionID, _ decision: Decision) throws -> StoredSession {
        guard let stored = try loadSession(id, decision) else {
            throw Problem(.notFound, "there is no session \(id) at \(settings.site)")
        }
        return stored
    }

    private func isOwner(_ message: Message, _ session: Session) -> Bool {
        session.owner.isSame(as: Owner(iss: message.asker.iss, sub: message.asker.sub))
    }
}

extension Session {
    /// An entry of `srcnet.sessions.v1`, in the words of `global-execution`.
    fileprivate var entry: JSON {
        .object(compacting: [
            "session": .string(id.description), "offerset": .string(offerset.description),
            "site": .string(site.description), "workstep": workstep?.json, "phase": .string(phase.rawValue),
            "status": .string(phase.status.rawValue), "sequence": .int(sequence),
            "time": .string(phaseSince.description), "reason": reason.map { .string($0.reason) },
        ])
    }
}
