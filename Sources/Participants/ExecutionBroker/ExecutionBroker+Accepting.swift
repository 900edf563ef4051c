internal import ExecutionModel
internal import MessageBus
internal import Wire

/// Permission and claim (contract.md, "Accepting, in this order").
extension ExecutionBroker {
    func askPermission(_ session: Session, _ claim: ClaimID, _ decision: inout Decision) throws {
        let kind = try session.readWorkstep().executable.kind.rawValue
        decision.ask(
            MessageType.permissionCheck.rawValue, of: address(of: .permissions),
            [
                "subject": session.owner.json, "action": "session.accept",
                "resource": .string("\(Submission.Mode.interactive.rawValue)/\(kind)"),
                "site": .string(session.site.description),
            ],
            correlationID: Correlation.permission(session.id, claim).text,
            deadline: decision.now + settings.session.permission)
    }

    private static func permission(in body: JSON) -> SessionEvent.PermissionAnswer {
        switch body["authorised"]?.bool {
        case true: .granted
        case false: .denied(body["reason"]?.string ?? "no reason was given")
        case nil: .unanswered(Problem(.unavailable, "permissions does not say whether it is allowed"))
        }
    }

    mutating func takePermission(_ message: Message, _ decision: inout Decision) throws {
        try require(message, from: .permissions)
        guard case .permission(let id, let claim) = Correlation(message.correlationID) else {
            throw Problem(.invalid, "\(message.type) answers no acceptance")
        }
        try play(.permission(claim, Self.permission(in: message.body)), on: id, &decision)
    }

    // MARK: Claims

    func askToClaim(_ session: Session, _ claim: ClaimID, _ decision: inout Decision) {
        decision.ask(
            MessageType.offerClaim.rawValue, of: address(of: .globalExecution), Self.body(session, claim),
            correlationID: Correlation.claim(session.id, claim).text,
            deadline: decision.now + settings.session.claim)
    }

    func unclaim(_ session: Session, _ claim: ClaimID, _ decision: inout Decision) {
        decision.ask(
            MessageType.offerUnclaim.rawValue, of: address(of: .globalExecution), Self.body(session, claim),
            correlationID: Correlation.unclaim(session.id, claim).text)
    }

    private static func body(_ session: Session, _ claim: ClaimID) -> JSON {
        [
            "offerset": .string(session.offerset.description), "offer": .string(session.id.description),
            "site": .string(session.site.description), "claim": .string(claim.description),
        ]
    }

    mutating func takeClaimed(_ message: Message, _ decision: inout Decision) throws {
        try require(message, from: .globalExecution)
        switch Correlation(message.correlationID) {
        case .claim(let id, let claim):
            let event: SessionEvent =
                message.body["claimed"]?.bool == false
                ? .claim(claim, .refused(Problem(.unavailable, "the claim does not stand")))
                : .claim(claim, .claimed)
            try play(event, on: id, &decision)
        // What was taken back is of no more interest.
        case .unclaim: break
        default: throw Problem(.invalid, "\(message.type) answers no claim")
        }
    }

    mutating func takeClaimProblem(
        _ problem: Problem, _ id: SessionID, _ claim: ClaimID, _ decision: inout Decision
    ) throws {
        let answer: SessionEvent.ClaimAnswer =
            problem.kind == .offerTaken
            ? .taken(by: problem.members["accepted"]?.string.flatMap(SessionID.init)) : .refused(problem)
        try play(.claim(claim, answer), on: id, &decision)
    }

    /// A claim that stays would keep the siblings from being accepted, so taking it back is tried until nobody could
    /// accept one of them any more.
    func takeUnclaimProblem(
        _ problem: Problem, _ id: SessionID, _ claim: ClaimID, _ decision: inout Decision
    ) throws {
        guard problem.kind.isPassing, let session = try loadSession(id, decision)?.session,
            decision.now < session.created + SlotRequest.offerLifetime * 2
        else { return }
        decision.setTimer(BrokerTimer.unclaim(id, claim).name, at: decision.now + .seconds(10))
    }

    func unclaimAgain(_ id: SessionID, _ claim: ClaimID, _ decision: inout Decision) throws {
        guard let session = try loadSession(id, decision)?.session else { return }
        unclaim(session, claim, &decision)
    }
}
