import Wire

// From the acceptance to a session that can be used.
extension SessionStep {
    mutating func prepare() {
        session.observed.preparing = now
        move(to: .preparing)
        set(.preparation, at: preparationDeadline)
        for role in TaskRole.parallel where session.task(role) != nil { start(role) }
        // Without any preparation nothing would come back to go on with.
        requestRoom()
    }

    private var preparationDeadline: Timestamp {
        let begun = session.observed.preparing ?? now
        let expected = session.schedule.preparation * settings.preparationFactor
        return begun + max(expected, settings.preparationLeast)
    }

    private mutating func start(_ role: TaskRole) {
        change(role) { $0.stage = .asked }
        actions.append(.startTask(role, deadline: preparationDeadline))
    }

    mutating func taskChanged(_ role: TaskRole, _ change: SessionEvent.TaskChange) {
        guard let task = session.task(role) else { return }
        switch (change, task.stage) {
        case (.progress(let progress), .asked):
            self.change(role) { $0.progress = $0.progress.map { $0.advanced(to: progress) } ?? progress }
        case (.completed(let result, let mayStayUntil), .asked):
            self.change(role) {
                $0.stage = .completed
                $0.result = result
            }
            if role == .canfar { becomeAvailable(result, mayStayUntil: mayStayUntil) } else { requestRoom() }
        case (.failed(let failure), .asked):
            self.change(role) {
                $0.stage = .failed
                $0.failure = failure
            }
            fail(TaskFailure("\(role.rawValue)-failed", failure.detail ?? failure.reason))
        case (.ended(let end), .completed) where role == .canfar: ended(end)
        case (.released, .releasing):
            self.change(role) {
                $0.stage = .released
                // What it made is gone, and with it what its token was good for.
                $0.result = nil
            }
            releaseNext()
        // Everything else comes twice, or too late to matter.
        default: break
        }
    }

    mutating func change(_ role: TaskRole, _ body: (inout SessionTask) -> Void) {
        for index in session.tasks.indices where session.tasks[index].role == role { body(&session.tasks[index]) }
    }

    /// Asks for room once all is there and the promised time has come.
    mutating func requestRoom() {
        guard session.phase == .preparing, session.task(.canfar)?.stage == .planned,
            session.tasks.allSatisfy({ $0.role == .canfar || $0.stage == .completed })
        else { return }
        if now < session.schedule.computing {
            set(.computing, at: session.schedule.computing)
        } else {
            actions.append(.requestRoom)
        }
    }

    mutating func waitForRoom(until: Timestamp) {
        guard session.phase == .preparing, session.task(.canfar)?.stage == .planned else { return }
        set(.computing, at: max(until, now + .milliseconds(100)))
    }

    mutating func startSession() {
        guard session.phase == .preparing, session.task(.canfar)?.stage == .planned else { return }
        cancel(.computing)
        start(.canfar)
    }

    private mutating func becomeAvailable(_ result: JSON, mayStayUntil: Timestamp?) {
        guard session.phase == .preparing else { return }
        guard let started = StartedSession(result) else {
            fail(TaskFailure("canfar-failed", "The session started, but nothing says how to reach it"))
            return
        }
        session.connectors = [Connector(started)]
        session.unlimited = started.unlimited
        session.observed.available = now
        cancel(.preparation)
        let wanted = max(now + session.schedule.duration, session.schedule.end)
        let latest = mayStayUntil.map { max($0 - session.schedule.releasing, session.schedule.end) }
        let end = min(wanted, latest ?? wanted)
        session.endsAt = end
        move(to: .available)
        actions.append(.holdCapacity(until: end + session.schedule.releasing))
        set(.end, at: end)
        let left = end - now
        if left > .zero { set(.warning, at: end - min(settings.warning, left / 10)) }
    }

    mutating func preparationTimedOut() {
        guard session.phase == .preparing else { return }
        let open = session.tasks.filter { $0.stage == .asked }.map(\.role.rawValue).joined(separator: ", ")
        let what = open.isEmpty ? "no room to compute in time" : "not done in time: \(open)"
        fail(TaskFailure("deadline-exceeded", what))
    }
}
