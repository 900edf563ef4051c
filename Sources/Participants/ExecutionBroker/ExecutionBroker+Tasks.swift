internal import ExecutionModel
internal import MessageBus
internal import Wire

/// The preparations of a session at the four participants of the site (diagrams.md, I9 and I10).
extension ExecutionBroker {
    func start(
        _ role: TaskRole, _ deadline: Timestamp, _ stored: inout StoredSession, _ decision: inout Decision
    ) throws {
        guard let task = stored.session.task(role) else { return }
        stored.asked[role] = decision.now
        decision.ask(
            role.startType.rawValue, of: address(of: role.participant),
            try TaskBodies(stored.session).body(of: task, deadline: deadline),
            correlationID: Correlation.task(stored.session.id, role).text, deadline: deadline)
    }

    func release(_ role: TaskRole, _ keep: Bool, _ session: Session, _ decision: inout Decision) {
        guard let task = session.task(role) else { return }
        decision.ask(
            MessageType.taskRelease.rawValue, of: address(of: role.participant),
            TaskReference(task: task.id, keep: keep).json, correlationID: Correlation.release(session.id, role).text)
    }

    /// A participant tells of a task: that it runs, that it is done, that what it made has ended or is gone.
    mutating func takeTask(_ message: Message, _ decision: inout Decision) throws {
        let document = try TaskDocument(message.body)
        let (id, role, isRelease) = try Self.subject(of: message)
        try require(message, from: role.participant)
        guard var stored = try loadSession(id, decision), stored.session.task(role)?.id == document.task else {
            throw Problem(.notFound, "session \(id) has no task \(document.task) at \(role.participant)")
        }
        if isRelease {
            if document.released { try play(.task(role, .released), stored, &decision) }
            return
        }
        for change in changes(document, role, stored.session, hasEnded: message.type == MessageType.taskEnded.rawValue)
        {
            if case .completed = change { try learn(role, stored, &decision) }
            stored = try play(.task(role, change), stored, &decision)
        }
    }

    private static func subject(of message: Message) throws(Problem) -> (SessionID, TaskRole, isRelease: Bool) {
        switch Correlation(message.correlationID) {
        case .task(let id, let role): return (id, role, false)
        case .release(let id, let role): return (id, role, true)
        default: throw Problem(.invalid, "\(message.type) tells of no task that was asked for")
        }
    }

    private func changes(
        _ document: TaskDocument, _ role: TaskRole, _ session: Session, hasEnded: Bool
    ) -> [SessionEvent.TaskChange] {
        switch document.status {
        case .running: return document.progress.map { [.progress($0)] } ?? []
        case .failed: return [.failed(document.failure ?? TaskFailure("failed"))]
        case .completed:
            let latest = ledger.capacity.latestEnd(of: session.id)
            let done = SessionEvent.TaskChange.completed(document.result ?? [:], mayStayUntil: latest)
            // What has ended was done before, whichever of the two messages comes first.
            return [done] + (hasEnded ? [.ended(document.ended ?? TaskEnd("ended", isFailure: true))] : [])
        }
    }

    private func learn(_ role: TaskRole, _ stored: StoredSession, _ decision: inout Decision) throws {
        guard stored.session.task(role)?.stage == .asked, let asked = stored.asked[role] else { return }
        var pace = try decision.load(Pace.self, kind: Pace.kind, id: Pace.id) ?? Pace()
        pace.note(role, took: decision.now - asked)
        try decision.save(pace, kind: Pace.kind, id: Pace.id)
    }
}
