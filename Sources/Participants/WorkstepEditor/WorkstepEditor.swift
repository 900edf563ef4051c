internal import ExecutionModel
package import MessageBus
internal import Wire

/// The participant that keeps worksteps while they are composed, and passes them on to be executed (diagrams.md, E
/// and C2).
package struct WorkstepEditor: Participant {
    package static let accepts: [String: Treatment] = [
        MessageType.workstepCreate.rawValue: .command,
        MessageType.workstepEdit.rawValue: .command,
        MessageType.workstepGet.rawValue: .query,
        MessageType.workstepList.rawValue: .query,
        MessageType.workstepExecute.rawValue: .command,
    ]

    package init() {}

    package mutating func decide(_ input: Input, _ decision: inout Decision) throws {
        guard case .message(let message) = input else { return }
        switch MessageType(rawValue: message.type) {
        case .workstepCreate: try create(message, &decision)
        case .workstepEdit: try edit(message, &decision)
        case .workstepGet: try get(message, decision: &decision)
        case .workstepList: try list(message, &decision)
        case .workstepExecute: try execute(message, &decision)
        default: break
        }
    }

    private func create(_ message: Message, _ decision: inout Decision) throws {
        let creation = try Creation(parsing: message.body)
        guard let uuid = WorkstepID(decision.newID()) else {
            throw Problem(.internalFault, "a new id is no UUID")
        }
        let workstep = try StoredWorkstep(uuid: uuid, owner: message.asker, parts: creation.parts, at: decision.now)
        try save(workstep, .created, &decision)
        answer(message, workstep, &decision)
    }

    private func edit(_ message: Message, _ decision: inout Decision) throws {
        let edit = try Edit(parsing: message.body)
        var workstep = try load(edit.uuid, for: message, decision)
        try workstep.set(edit.part, to: edit.value, ifRevision: edit.revision, at: decision.now)
        try save(workstep, .edited, &decision)
        answer(message, workstep, &decision)
    }

    private func get(_ message: Message, decision: inout Decision) throws {
        let reader = JSONReader(message.body)
        let uuid = reader.identifier("uuid", of: WorkstepID.self, required: true)
        let revision = reader.int("revision", in: 1...Int64.max)
        try reader.finish()
        guard let uuid else { throw Problem(.invalid, "uuid is required") }
        let workstep = try load(uuid, for: message, decision)
        try workstep.check(revision)
        answer(message, workstep, &decision)
    }

    private func list(_ message: Message, _ decision: inout Decision) throws {
        let reader = JSONReader(message.body)
        let asked = PageRequest(reader)
        try reader.finish()
        let page = try decision.page(
            StoredWorkstep.self, kind: StoredWorkstep.kind, group: StoredWorkstep.group(of: message.asker), asked)
        let body = JSON.object(compacting: [
            "worksteps": .array(page.states.map(\.summary)), "next": page.next.map(JSON.string),
        ])
        decision.answer(message.request, MessageType.worksteps.rawValue, body)
    }

    /// The answer goes straight from `global-execution` to who asked here (diagrams.md, C2).
    private func execute(_ message: Message, _ decision: inout Decision) throws {
        let execution = try Execution(parsing: message.body)
        let workstep = try load(execution.uuid, for: message, decision)
        try workstep.check(execution.revision)
        decision.pass(
            message, on: ParticipantName.globalExecution.rawValue, as: MessageType.workstepSubmit.rawValue,
            execution.submission(of: workstep))
    }

    // MARK: Keeping

    private func load(
        _ uuid: WorkstepID, for message: Message, _ decision: Decision
    ) throws -> StoredWorkstep {
        guard
            let workstep = try decision.load(
                StoredWorkstep.self, kind: StoredWorkstep.kind, id: uuid.description)
        else { throw Problem(.notFound, "there is no workstep \(uuid)") }
        guard workstep.owner.isSame(as: message.asker) else {
            throw Problem(.notAuthorised, "workstep \(uuid) belongs to somebody else")
        }
        return workstep
    }

    private func save(
        _ workstep: StoredWorkstep, _ word: EventKey.WorkstepWord, _ decision: inout Decision
    ) throws {
        try decision.save(
            workstep, kind: StoredWorkstep.kind, id: workstep.uuid.description,
            group: StoredWorkstep.group(of: workstep.owner))
        decision.emit(
            MessageType.workstepEvent.rawValue, key: EventKey.workstep(word, workstep.uuid),
            subject: workstep.uuid.description, workstep.event)
    }

    private func answer(_ message: Message, _ workstep: StoredWorkstep, _ decision: inout Decision) {
        decision.answer(message.request, MessageType.workstep.rawValue, workstep.json)
    }
}
