internal import ExecutionModel
internal import MessageBus
internal import Wire

/// From a submission to the question who may (diagrams.md, I2 to I4).
extension GlobalExecution {
    func submit(_ message: Message, _ decision: inout Decision) throws {
        let submission = try Submission.parse(message.body, at: decision.now)
        guard submission.mode == .interactive else {
            let detail = "mode batch is not available in this deployment: only interactive is"
            throw Problem(.invalid, "/mode: \(detail)", errors: [.init(pointer: "/mode", detail: detail)])
        }
        guard let offerset = OfferSetID(decision.newID()) else {
            throw Problem(.internalFault, "a new id is no UUID")
        }
        let pending: PendingSubmission
        switch submission.content {
        case .reference(let reference):
            pending = PendingSubmission(
                offerset: offerset, request: message.request, owner: message.asker, deadline: submission.deadline,
                workstep: reference, parts: nil)
            askEditor(pending, reference, &decision)
        case .parts(let parts, let workstep, let reference):
            if reference != nil { try requireEditor(message) }
            pending = PendingSubmission(
                offerset: offerset, request: message.request, owner: message.asker, deadline: submission.deadline,
                workstep: reference, parts: parts)
            askPermissions(pending, workstep, &decision)
        }
        try save(pending, &decision)
        decision.setTimer(Self.timer(offerset), at: submission.deadline)
    }

    /// Only the editor knows that parts are those of a workstep that it keeps; anybody else names one or gives the parts.
    private func requireEditor(_ message: Message) throws(Problem) {
        guard message.sender != ParticipantName.workstepEditor.rawValue else { return }
        let detail = "must not stand beside the parts: name a workstep, or give its parts"
        throw Problem(.invalid, "/workstep/uuid: \(detail)", errors: [.init(pointer: "/workstep/uuid", detail: detail)])
    }

    /// The editor has the workstep (I3).
    func takeWorkstep(_ message: Message, _ decision: inout Decision) throws {
        try require(message, from: ParticipantName.workstepEditor.rawValue)
        guard case .workstep(let id) = Correlation(message.correlationID), var pending = try pending(id, decision),
            pending.parts == nil
        else { return }
        do throws(Problem) {
            let workstep = try pending.enrich(with: message.body)
            askPermissions(pending, workstep, &decision)
        } catch {
            end(pending, error, &decision)
            return
        }
        try save(pending, &decision)
    }

    /// `permissions` has decided (I4).
    mutating func takePermission(_ message: Message, _ decision: inout Decision) throws {
        try require(message, from: ParticipantName.permissions.rawValue)
        guard case .permission(let id) = Correlation(message.correlationID), let pending = try pending(id, decision)
        else { return }
        switch message.body["authorised"]?.bool {
        case true: try gather(pending, &decision)
        case false:
            let reason = message.body["reason"]?.string ?? "no reason was given"
            var members: [String: JSON] = [:]
            for key in ["policy", "rule"] { members[key] = message.body[key] }
            end(pending, Problem(.notAuthorised, reason, members: members), &decision)
        case nil:
            end(pending, Self.noPermissions("it does not say whether it is allowed"), &decision)
        }
    }

    /// Whom was asked answers with a problem, or could not be reached.
    func takeProblem(_ message: Message, _ decision: inout Decision) throws {
        guard let problem = message.problem else { return }
        switch Correlation(message.correlationID) {
        case .workstep(let id):
            try require(message, from: ParticipantName.workstepEditor.rawValue)
            // What the editor refuses (not-found, revision-conflict, …) is the answer to the submission.
            if let pending = try pending(id, decision) { end(pending, problem, &decision) }
        case .permission(let id):
            try require(message, from: ParticipantName.permissions.rawValue)
            // An outage is no denial, and never a permission.
            if let pending = try pending(id, decision) {
                end(pending, Self.noPermissions(problem.detail), &decision)
            }
        case .offers(let id): try takeOfferProblem(message, problem, id, &decision)
        case .rejection, nil: break
        }
    }

    /// The time of a submission is over before any site could be asked; or it is over for the sites.
    mutating func deadlinePassed(_ timer: FiredTimer, _ decision: inout Decision) throws {
        guard let id = Self.offerset(ofTimer: timer.name) else { return }
        if let pending = try pending(id, decision) {
            let problem =
                pending.parts == nil
                ? Problem(.deadlineExceeded, "the workstep editor did not answer by the deadline")
                : Self.noPermissions("it did not answer by the deadline")
            end(pending, problem, &decision)
        } else if let offerset = try loadOfferSet(id, decision), offerset.completed == nil {
            try complete(offerset, nil, &decision)
        }
    }

    // MARK: Asking

    private func askEditor(
        _ pending: PendingSubmission, _ reference: WorkstepReference, _ decision: inout Decision
    ) {
        decision.ask(
            MessageType.workstepGet.rawValue, of: ParticipantName.workstepEditor.rawValue, reference.json,
            correlationID: Correlation.workstep(pending.offerset).text, onBehalfOf: pending.owner,
            deadline: pending.deadline)
    }

    private func askPermissions(_ pending: PendingSubmission, _ workstep: Workstep, _ decision: inout Decision) {
        let body: JSON = [
            "subject": pending.owner.json, "action": "workstep.submit",
            "resource": .string("\(Submission.Mode.interactive.rawValue)/\(workstep.executable.kind.rawValue)"),
        ]
        decision.ask(
            MessageType.permissionCheck.rawValue, of: ParticipantName.permissions.rawValue, body,
            correlationID: Correlation.permission(pending.offerset).text, deadline: pending.deadline)
    }

    private static func noPermissions(_ why: String) -> Problem {
        Problem(
            .unavailable, "permissions could not be checked, so nothing was started: \(why)",
            members: ["retryAfter": 5])
    }

    // MARK: Keeping

    private func pending(_ id: OfferSetID, _ decision: Decision) throws -> PendingSubmission? {
        try decision.load(PendingSubmission.self, kind: PendingSubmission.kind, id: id.description)
    }

    private func save(_ pending: PendingSubmission, _ decision: inout Decision) throws {
        try decision.save(pending, kind: PendingSubmission.kind, id: pending.offerset.description)
    }

    private func end(_ pending: PendingSubmission, _ problem: Problem, _ decision: inout Decision) {
        decision.refuse(pending.request, problem)
        decision.delete(kind: PendingSubmission.kind, id: pending.offerset.description)
        decision.cancelTimer(Self.timer(pending.offerset))
    }

    static func timer(_ id: OfferSetID) -> String { "deadline/\(id)" }

    private static func offerset(ofTimer name: String) -> OfferSetID? {
        name.hasPrefix("deadline/") ? OfferSetID(String(name.dropFirst("deadline/".count))) : nil
    }
}
