import Wire

// From the offer to its acceptance, or to its end without one.
extension SessionStep {
    mutating func setPhase(_ request: PhaseRequest) throws(Problem) {
        if session.phase == .offered, let expires = session.expires, now >= expires {
            // Whatever it wanted comes too late. The answer is no throw, since the phase has changed.
            expire()
            actions.append(.refuse(request.asker, .offerExpired(at: expires)))
            return
        }
        switch request.phase {
        case .accepted where session.phase == .offered: try accept(request)
        case .accepted where session.phase.isUnderWay: try acceptAgain(request)
        case .rejected where session.phase == .offered: reject(request)
        case .cancelled where session.phase == .offered: endOffer(.cancelled)
        case .cancelled where session.phase.canBecome(.cancelled, by: .client): cancelSession()
        case .releasing where session.phase.isUsable: release(.asked)
        default: throw refusal(of: request.phase)
        }
        if request.phase != .accepted { answer(request.asker) }
    }

    private func refusal(of phase: Phase) -> Problem {
        switch session.phase {
        case .expired: return .offerExpired(at: session.expires)
        case .rejected:
            if let taken = session.takenBy { return .offerTaken(taken.by) }
        default: break
        }
        return .refusedTransition(from: session.phase, to: phase, allowed: session.phase.successors(by: .client))
    }

    private mutating func accept(_ request: PhaseRequest) throws(Problem) {
        let waiting = Acceptance.Waiting(asker: request.asker, callback: request.callback)
        if var acceptance = session.acceptance {
            try checkCallbacks(request, more: acceptance.waiting.compactMap(\.callback))
            acceptance.waiting.append(waiting)
            session.acceptance = acceptance
            return
        }
        try checkCallbacks(request)
        session.acceptance = Acceptance(stage: .permission, claim: request.claim, waiting: [waiting])
        actions.append(.askPermission(request.claim))
        set(.acceptance, at: now + settings.permission)
    }

    private mutating func acceptAgain(_ request: PhaseRequest) throws(Problem) {
        try checkCallbacks(request)
        if let callback = request.callback { register(callback) }
        answer(request.asker)
    }

    /// Nobody may make a session call him back without end.
    private func checkCallbacks(_ request: PhaseRequest, more: [Callback] = []) throws(Problem) {
        guard let callback = request.callback else { return }
        let others = (session.callbacks + more).filter { !$0.isSame(as: callback) }
        guard others.count >= settings.callbacks else { return }
        let detail = "a session has at most \(settings.callbacks) callbacks"
        throw Problem(.invalid, detail, errors: [.init(pointer: "/callback", detail: detail)])
    }

    private mutating func reject(_ request: PhaseRequest) {
        if case .sibling(let winner) = request.origin {
            endOffer(.rejected, takenBy: Session.Taken(by: winner))
        } else {
            endOffer(.rejected)
        }
    }

    mutating func siblingAccepted(_ winner: SessionID) {
        guard session.phase == .offered else { return }
        endOffer(.rejected, takenBy: Session.Taken(by: winner))
    }

    mutating func expire() {
        abandonAcceptance(.offerExpired(at: session.expires))
        cancel(.expiry)
        move(to: .expired)
        freeCapacity()
    }

    private mutating func endOffer(_ phase: Phase, takenBy: Session.Taken? = nil) {
        if let takenBy {
            session.takenBy = takenBy
            abandonAcceptance(.offerTaken(takenBy.by))
        } else {
            abandonAcceptance(.refusedTransition(from: phase, to: .accepted, allowed: []))
        }
        cancel(.expiry)
        move(to: phase, because: takenBy.map { _ in TaskFailure("offer-taken", "Another offer was accepted") })
        freeCapacity()
    }
}

// Permission and claim.
extension SessionStep {
    mutating func permissionAnswered(_ claim: ClaimID, _ answer: SessionEvent.PermissionAnswer) {
        guard let acceptance = session.acceptance, acceptance.claim == claim, acceptance.stage == .permission else {
            return
        }
        if expireIfDue() { return }
        switch answer {
        case .granted:
            session.acceptance?.stage = .claim
            actions.append(.claim(claim))
            set(.acceptance, at: now + settings.claim)
        case .denied(let reason): abandonAcceptance(Problem(.notAuthorised, reason))
        case .unanswered(let problem):
            abandonAcceptance(
                Problem(
                    .unavailable, "Permission could not be asked for: \(problem.detail)", members: ["retryAfter": 1]))
        }
    }

    mutating func claimAnswered(_ claim: ClaimID, _ answer: SessionEvent.ClaimAnswer) {
        guard let acceptance = session.acceptance, acceptance.claim == claim, acceptance.stage == .claim else {
            // A claim that nobody waits for any more would keep the siblings from being accepted.
            if answer == .claimed, session.claim != claim { actions.append(.unclaim(claim)) }
            return
        }
        if expireIfDue() { return }
        switch answer {
        case .claimed: commit(acceptance)
        case .taken(let winner): abandonAcceptance(.offerTaken(winner), claimIsOpen: false)
        case .refused(let problem) where problem.kind.isPassing:
            abandonAcceptance(
                Problem(.unavailable, "The offer could not be claimed: \(problem.detail)", members: ["retryAfter": 1]))
        case .refused(let problem): abandonAcceptance(problem, claimIsOpen: problem.kind != .notFound)
        }
    }

    mutating func acceptanceTimedOut() {
        guard let acceptance = session.acceptance else { return }
        let service: ParticipantName = acceptance.stage == .permission ? .permissions : .globalExecution
        abandonAcceptance(
            Problem(.unavailable, "\(service) did not answer in time; the offer stands", members: ["retryAfter": 1]))
    }

    private mutating func expireIfDue() -> Bool {
        guard let expires = session.expires, now >= expires else { return false }
        expire()
        return true
    }

    /// Ends an acceptance under way, if there is one; the offer is none the worse for it.
    ///
    /// - Parameter claimIsOpen: whether a claim that was sent may stand, or may still arrive.
    private mutating func abandonAcceptance(_ problem: Problem, claimIsOpen: Bool = true) {
        guard let acceptance = session.acceptance else { return }
        session.acceptance = nil
        cancel(.acceptance)
        if acceptance.stage == .claim, claimIsOpen { actions.append(.unclaim(acceptance.claim)) }
        for waiting in acceptance.waiting { actions.append(.refuse(waiting.asker, problem)) }
    }

    /// The offer is won.
    private mutating func commit(_ acceptance: Acceptance) {
        session.acceptance = nil
        session.claim = acceptance.claim
        session.expires = nil
        session.observed.accepted = now
        cancel(.acceptance, .expiry)
        session.schedule = session.schedule.accepted(at: now)
        move(to: .accepted)
        actions.append(.rejectSiblings)
        actions.append(.holdCapacity(until: session.schedule.heldUntil))
        for waiting in acceptance.waiting {
            if let callback = waiting.callback { register(callback) }
            answer(waiting.asker)
        }
        if session.schedule.preparing > now {
            move(to: .waiting)
            set(.preparing, at: session.schedule.preparing)
        } else {
            prepare()
        }
    }
}
