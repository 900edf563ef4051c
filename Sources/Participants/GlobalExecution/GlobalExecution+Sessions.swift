internal import ExecutionModel
internal import MessageBus
internal import Wire

/// The directory of sessions at all sites, by the events of their brokers.
extension GlobalExecution {
    func takeSessionEvent(_ message: Message, _ decision: inout Decision) throws {
        // session.<site>.<phase>.<uuid>
        let parts = message.key.split(separator: ".").map(String.init)
        guard parts.count == 4, parts[0] == "session", let site = SiteName(parts[1]) else {
            throw Problem(.invalid, "\(message.key) is no routing key of a session's event")
        }
        try require(message, from: ParticipantName.executionBroker.address(at: site))
        // A warning that its time is almost over changes nothing here.
        if parts[2] == "ending" { return }
        let fact = try SessionFact(parsing: message.body, site: site)
        guard var offerset = try loadOfferSet(fact.offerset, decision) else { return }
        try note(fact, offerset, &decision)
        // From the acceptance on: a lost event does not leave siblings held.
        if (Phase.accepted.rank...Phase.releasing.rank).contains(fact.phase.rank),
            offerset.site(of: fact.session) == site, offerset.claims.accept(fact.session)
        {
            reject(offerset.siblings(of: fact.session), because: fact.session, &decision)
            try save(offerset, &decision)
        }
    }

    private func note(_ fact: SessionFact, _ offerset: Gather, _ decision: inout Decision) throws {
        var entry = try loadEntry(fact.session, decision)
        if entry == nil {
            entry = DirectoryEntry(fact, owner: offerset.owner, workstep: offerset.workstep)
        } else if entry?.take(fact) != true {
            return
        }
        if let entry {
            try decision.save(
                entry, kind: DirectoryEntry.kind, id: entry.session.description,
                group: Gather.group(of: entry.owner))
        }
    }

    func loadEntry(_ id: SessionID, _ decision: Decision) throws -> DirectoryEntry? {
        try decision.load(DirectoryEntry.self, kind: DirectoryEntry.kind, id: id.description)
    }

    /// The asker's own sessions, in order of their ids.
    func listSessions(_ message: Message, _ decision: inout Decision) throws {
        let reader = JSONReader(message.body)
        let phase = reader.choice("phase", Phase.self)
        let asked = PageRequest(reader)
        try reader.finish()
        let page = try decision.page(
            DirectoryEntry.self, kind: DirectoryEntry.kind, group: Gather.group(of: message.asker), asked
        ) { phase == nil || $0.phase == phase }
        let body = JSON.object(compacting: [
            "sessions": .array(page.states.map(\.json)), "next": page.next.map(JSON.string),
        ])
        decision.answer(message.request, MessageType.sessions.rawValue, body)
    }
}
