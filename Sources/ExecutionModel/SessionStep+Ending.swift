import Wire

extension TaskFailure {
    /// The owner has asked for its end.
    static let asked = TaskFailure("released")
    /// Its time is used up.
    static let durationOver = TaskFailure("duration-over", "Its time is used up")
}

// From a session under way to its end, and until nothing of it is left.
extension SessionStep {
    /// Its use is over: results are saved, and everything is released.
    mutating func release(_ reason: TaskFailure) {
        end(as: .releasing, because: reason, keepResults: true)
    }

    mutating func cancelSession() {
        end(as: .cancelled, because: nil, keepResults: false)
    }

    mutating func fail(_ failure: TaskFailure) {
        guard session.phase.isUnderWay else { return }
        end(as: .failed, because: failure, keepResults: session.observed.available != nil)
    }

    mutating func ended(_ end: TaskEnd) {
        guard session.phase.isUsable else { return }
        if end.isFailure {
            fail(TaskFailure(end.reason, "The session has ended by itself"))
        } else {
            release(TaskFailure(end.reason))
        }
    }

    private mutating func end(as phase: Phase, because reason: TaskFailure?, keepResults: Bool) {
        cancel(.preparing, .preparation, .computing, .warning, .end)
        session.observed.ended = now
        session.keepsResults = keepResults
        move(to: phase, because: reason)
        for role in TaskRole.allCases where session.task(role)?.stage == .planned {
            change(role) { $0.stage = .released }
        }
        releaseNext()
    }

    /// The session goes before what it runs on; then, with results to keep, the user's storage takes them before the
    /// folder that they lie in goes; then all others.
    mutating func releaseNext() {
        if isLeft(.canfar) { return askForRelease([.canfar]) }
        if session.keepsResults, isLeft(.cavern) { return askForRelease([.cavern]) }
        let others = TaskRole.parallel.reversed().filter(isLeft)
        guard others.isEmpty else {
            askForRelease(others)
            return
        }
        cancel(.release)
        session.observed.released = now
        if session.phase == .releasing { move(to: .completed, because: session.reason) }
        freeCapacity()
    }

    private func isLeft(_ role: TaskRole) -> Bool {
        session.task(role).map { $0.stage != .released } ?? false
    }

    private mutating func askForRelease(_ roles: [TaskRole]) {
        let open = roles.filter { session.task($0)?.stage != .releasing }
        guard !open.isEmpty else { return }
        for role in open {
            change(role) { $0.stage = .releasing }
            actions.append(.releaseTask(role, keepResults: session.keepsResults))
        }
        set(.release, at: now + settings.release)
    }

    /// A participant may have been away, or its answer lost: releasing a second time changes nothing there.
    mutating func releaseAgain() {
        let open = TaskRole.allCases.reversed().filter { session.task($0)?.stage == .releasing }
        guard !open.isEmpty else { return }
        for role in open { actions.append(.releaseTask(role, keepResults: session.keepsResults)) }
        set(.release, at: now + settings.release)
    }
}
