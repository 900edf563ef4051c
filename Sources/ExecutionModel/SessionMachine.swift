public import Wire

/// What happens to a session: the one place where its phase changes.
///
///     OFFERED -(permission, claim)-> ACCEPTED -> [WAITING] -> PREPARING -> AVAILABLE -> RELEASING -> COMPLETED
///
/// The broker loads the session, calls `handle`, stores `session`, and carries out the actions, all in one transaction.
/// A thrown problem is the answer to the message at hand, and nothing has changed.
///
/// What is decided here beyond contract.md:
/// - A second ACCEPTED joins the acceptance that is under way; both are answered together.
/// - REJECTED and CANCELLED end an acceptance under way: who waits for it gets `refused-transition` (`offer-taken` where
///   a sibling was accepted), and its claim is taken back.
/// - An offer that is past its time is EXPIRED by whatever comes first, its timer or a message.
/// - Preparations are asked for side by side, the session after all of them; on any end the session is released first and
///   the others once it is gone. What was never asked for needs no release.
/// - Results are kept if the session could be used and was not cancelled.
/// - Capacity is free once every preparation that was asked for is released, which may be after the terminal phase.
/// - A session that begins late ends as much later, if the site can hold it so long.
public struct SessionMachine: Sendable {
    public private(set) var session: Session
    public let settings: SessionSettings

    public init(_ session: Session, settings: SessionSettings = SessionSettings()) {
        self.session = session
        self.settings = settings
    }

    /// Takes in what happened.
    public mutating func handle(_ event: SessionEvent, at now: Timestamp) throws(Problem) -> [SessionAction] {
        var step = SessionStep(session: session, settings: settings, now: now)
        try step.take(event)
        session = step.session
        return step.actions
    }
}

/// One step of a session: its state after it, and what is to be done.
struct SessionStep {
    var session: Session
    let settings: SessionSettings
    let now: Timestamp
    var actions: [SessionAction] = []

    mutating func take(_ event: SessionEvent) throws(Problem) {
        switch event {
        case .offered: offer()
        case .setPhase(let request): try setPhase(request)
        case .permission(let claim, let answer): permissionAnswered(claim, answer)
        case .claim(let claim, let answer): claimAnswered(claim, answer)
        case .siblingAccepted(let winner): siblingAccepted(winner)
        case .task(let role, let change): taskChanged(role, change)
        case .roomGranted: startSession()
        case .roomTaken(let until): waitForRoom(until: until)
        case .timer(let timer): timerFired(timer)
        }
    }

    private mutating func offer() {
        guard session.phase == .initial else { return }
        session.holdsCapacity = true
        move(to: .offered)
        if let expires = session.expires { set(.expiry, at: expires) }
    }

    /// The warning is one of the session's events, and counted among them.
    private mutating func warn() {
        guard session.phase.isUsable, let end = session.endsAt else { return }
        session.sequence += 1
        actions.append(.warn(endsAt: end))
    }

    private mutating func timerFired(_ timer: SessionTimer) {
        // A timer that was cancelled in the transaction before may still come.
        guard session.timers.remove(timer) != nil else { return }
        switch timer {
        case .expiry: if session.phase == .offered { expire() }
        case .acceptance: acceptanceTimedOut()
        case .preparing: if session.phase == .waiting { prepare() }
        case .preparation: preparationTimedOut()
        case .computing: requestRoom()
        case .warning: warn()
        case .end: if session.phase.isUsable { release(.durationOver) }
        case .release: releaseAgain()
        }
    }
}

// The steps of which all others are made.
extension SessionStep {
    /// Moves the session on, tells of it, and fires the callbacks that wait for it.
    mutating func move(to phase: Phase, because reason: TaskFailure? = nil) {
        // reason: each step looks at the phase first, whatever the message; every event is tested in every situation
        precondition(session.phase.canBecome(phase, by: .broker), "\(session.phase) cannot become \(phase)")
        session.previous = session.phase
        session.phase = phase
        session.phaseSince = now
        session.sequence += 1
        session.reason = reason
        actions.append(.publish(session.fact))
        for index in session.callbacks.indices where session.callbacks[index].fires(on: phase) {
            fire(session.callbacks[index])
        }
        if phase.isTerminal { session.callbacks = [] }
    }

    /// Registers a callback, which fires at once where the phase meets it already.
    mutating func register(_ callback: Callback) {
        var callback = callback
        if callback.fires(on: session.phase) { fire(callback) }
        if let index = session.callbacks.firstIndex(where: { $0.isSame(as: callback) }) {
            session.callbacks[index] = callback
        } else {
            session.callbacks.append(callback)
        }
    }

    private mutating func fire(_ callback: Callback) {
        let count = session.callbackCounts[callback.address, default: 0] + 1
        session.callbackCounts[callback.address] = count
        actions.append(
            .callBack(
                CallbackMessage(
                    session: session.id, type: callback.type, address: callback.address,
                    body: session.body(of: callback),
                    sequence: count, correlation: callback.correlation)))
    }

    mutating func answer(_ asker: Asker) {
        actions.append(.answer(asker, session.document(for: .owner)))
    }

    mutating func set(_ timer: SessionTimer, at time: Timestamp) {
        session.timers.insert(timer)
        actions.append(.setTimer(timer, at: time))
    }

    mutating func cancel(_ timers: SessionTimer...) {
        for timer in timers where session.timers.remove(timer) != nil { actions.append(.cancelTimer(timer)) }
    }

    mutating func freeCapacity() {
        guard session.holdsCapacity else { return }
        session.holdsCapacity = false
        actions.append(.freeCapacity)
    }
}
