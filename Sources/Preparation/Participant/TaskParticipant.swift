internal import ExecutionModel
package import MessageBus
package import Wire

/// What the four preparing participants decide, each in its own words: it runs the task machine, keeps the tasks,
/// starts and cancels activities, and tells the broker and the world what becomes of them.
///
/// The activities of one task share a lane, so that what removes its work runs after the work has stopped.
package struct TaskParticipant<Kind: TaskKind>: Participant {
    let site: SiteName
    /// How long what a released task has left for others is kept; nil where tasks leave nothing.
    let retention: Duration?

    package init(site: SiteName, retention: Duration? = nil) {
        self.site = site
        self.retention = retention
    }

    package static var accepts: [String: Treatment] {
        var types: [MessageType: Treatment] = [
            Kind.Command.messageType: .command, .taskGet: .query, .taskCancel: .command, .taskRelease: .command,
        ]
        if Kind.Query.self != NoQuery.self { types[Kind.Query.messageType] = .query }
        return Dictionary(uniqueKeysWithValues: types.map { ($0.key.rawValue, $0.value) })
    }

    package mutating func decide(_ input: Input, _ decision: inout Decision) throws {
        switch input {
        case .message(let message): try take(message, &decision)
        case .timer(let timer): try take(timer, &decision)
        case .activity(let report) where report.activity.name == Activity.query:
            try answer(report, &decision)
        case .activity(let report): try take(report, &decision)
        }
    }

    // MARK: Messages

    private func take(_ message: Message, _ decision: inout Decision) throws {
        switch MessageType(rawValue: message.type) {
        case Kind.Command.messageType: try start(message, &decision)
        case Kind.Query.messageType: try look(message, &decision)
        case .taskGet: try get(message, &decision)
        case .taskCancel:
            let task = try TaskReference(message.body).task
            try requireBroker(message)
            try handle(task, &decision, answering: message.request) { _ in .cancel }
        case .taskRelease:
            let reference = try TaskReference(message.body)
            try requireBroker(message)
            let asker = try Asker(message.request)
            try handle(reference.task, &decision, answering: message.request) { stored in
                stored.keep = stored.keep || reference.keep
                return .release(asker)
            }
        // Problems that come as answers: nothing is asked here.
        default: break
        }
    }

    private func start(_ message: Message, _ decision: inout Decision) throws {
        let head = try Kind.Command(message.body).head
        try requireBroker(message)
        let start = TaskMachine.Start(
            session: head.session, command: message.body,
            asker: Asker(broker: message.sender, correlationID: message.correlationID), deadline: head.deadline)
        try handle(head.task, &decision, answering: message.request) { _ in .start(start) }
    }

    private func get(_ message: Message, _ decision: inout Decision) throws {
        let task = try TaskReference(message.body).task
        guard let stored = try decision.load(StoredTask.self, kind: StoredTask.kind, id: task.description) else {
            throw Problem(.notFound, "there is no task \(task) here")
        }
        let isBroker = message.sender == broker
        guard isBroker || stored.owner?.isSame(as: message.asker) == true else {
            throw Problem(.notAuthorised, "a task is shown to the broker and to its owner")
        }
        decision.answer(
            message.request, MessageType.task.rawValue, stored.machine.document(withResult: isBroker).json)
    }

    private var broker: String { ParticipantName.executionBroker.address(at: site) }

    private func requireBroker(_ message: Message) throws(Problem) {
        guard message.sender == broker else {
            throw Problem(.notAuthorised, "only \(broker) may command tasks here")
        }
    }

    // MARK: The machine

    /// Lets something happen to a task, and carries out what follows.
    private func handle(
        _ task: TaskID, _ decision: inout Decision, answering request: Request? = nil,
        _ event: (inout StoredTask) -> TaskMachine.Event?
    ) throws {
        var stored =
            try decision.load(StoredTask.self, kind: StoredTask.kind, id: task.description) ?? StoredTask(task: task)
        guard let event = event(&stored) else { return }
        let before = stored.machine.state
        var actions = try stored.machine.handle(event, at: decision.now)
        if stored.machine.state == .accepted {
            // The bus performs a started activity whatever happens, so it runs from here on.
            actions += try stored.machine.handle(.activityStarted, at: decision.now)
        }
        for action in actions { try carryOut(action, &stored, request, &decision) }
        if stored.machine.state != before { try note(before, stored, &decision) }
        try decision.save(stored, kind: StoredTask.kind, id: task.description)
    }

    private func carryOut(
        _ action: TaskMachine.Action, _ stored: inout StoredTask, _ request: Request?, _ decision: inout Decision
    ) throws {
        let machine = stored.machine
        switch action {
        case .answer:
            if let request {
                decision.answer(request, MessageType.task.rawValue, machine.document(withResult: true).json)
            }
        case .answerRelease(let asker):
            decision.answer(
                try asker.request(), MessageType.task.rawValue, machine.document(withResult: true).json)
        case .startActivity: decision.start(activity(Kind.work, of: stored))
        case .cancelActivity: decision.cancelActivity(Activity.id(Kind.work, machine.task))
        case .releaseActivity:
            decision.cancelActivity(Activity.id(Activity.watch, machine.task))
            decision.start(activity(Activity.release, of: stored))
        case .publish(let status):
            stored.events = stored.events.map { $0 + 1 }
            decision.emit(
                MessageType.taskEvent.rawValue, key: EventKey.task(site, Kind.participant, status, machine.task),
                subject: machine.task.description, machine.document().event, sequence: stored.events)
        case .sendDone(let asker): tell(.taskDone, asker, machine, &decision)
        case .sendEnded(let asker): tell(.taskEnded, asker, machine, &decision)
        case .setTimer(let timer, let due): set(.machine(timer), of: machine.task, at: due, &decision)
        case .cancelTimer(let timer): decision.cancelTimer(TaskTimer.machine(timer).name(of: machine.task))
        }
    }

    private func tell(_ type: MessageType, _ asker: Asker, _ machine: TaskMachine, _ decision: inout Decision) {
        decision.tell(
            type.rawValue, to: asker.receiver ?? broker, machine.document(withResult: true).json,
            correlationID: asker.correlationID)
    }

    /// What follows from a new state besides the machine's own actions.
    private func note(_ before: TaskMachine.State, _ stored: StoredTask, _ decision: inout Decision) throws {
        let machine = stored.machine
        switch machine.state {
        case .completed where Kind.isWatched: decision.start(activity(Activity.watch, of: stored))
        case .failed where machine.start != nil, .cancelled where machine.start != nil:
            // Nothing half done stays, whether the broker asks for the release or not.
            decision.start(activity(Activity.clean, of: stored))
        case .released, .cancelled:
            if let retention { setTidy(at: decision.now + retention, &decision) }
            set(.forget, of: machine.task, at: decision.now + TaskTimer.memory, &decision)
        default: break
        }
    }

    // MARK: Activities

    private func activity(_ name: String, of stored: StoredTask) -> Activity {
        let machine = stored.machine
        let input = JSON.object(compacting: [
            "task": .string(machine.task.description), "command": machine.start?.command,
            "keep": name == Activity.release && stored.keep ? true : nil,
        ])
        return Activity(
            id: Activity.id(name, machine.task), name: name, lane: machine.task.description, input: input)
    }

    private func take(_ report: ActivityReport, _ decision: inout Decision) throws {
        guard let task = report.activity.input["task"]?.string.flatMap(TaskID.init) else { return }
        switch report.activity.name {
        case Kind.work: try handle(task, &decision) { _ in workEvent(report.outcome) }
        case Activity.release: try handle(task, &decision) { _ in releaseEvent(report.outcome) }
        case Activity.watch: try handle(task, &decision) { _ in watchEvent(report.outcome) }
        case Activity.clean:
            if case .failed = report.outcome {
                set(.clean, of: task, at: decision.now + TaskMachine.releasePause, &decision)
            }
        default: break
        }
    }

    private func workEvent(_ outcome: ActivityReport.Outcome) -> TaskMachine.Event? {
        switch outcome {
        case .progress(let progress): TaskProgress(progress).map { .progress($0) }
        case .completed(let outcome):
            outcome["failure"].map { .failed(TaskFailure($0)) } ?? .completed(outcome["result"] ?? [:])
        case .failed(let reason): .failed(TaskFailure("failed", reason))
        case .cancelled: .stopped
        }
    }

    private func releaseEvent(_ outcome: ActivityReport.Outcome) -> TaskMachine.Event? {
        switch outcome {
        case .progress: nil
        case .completed: .released
        case .failed(let reason): .releaseFailed(reason)
        case .cancelled: .releaseFailed("cancelled")
        }
    }

    private func watchEvent(_ outcome: ActivityReport.Outcome) -> TaskMachine.Event? {
        switch outcome {
        case .progress, .cancelled: nil
        case .completed(let end): .ended(TaskEnd(end) ?? TaskEnd("ended", isFailure: true))
        case .failed(let reason): .ended(TaskEnd(reason, isFailure: true))
        }
    }

    // MARK: Timers

    private func set(_ timer: TaskTimer, of task: TaskID, at due: Timestamp, _ decision: inout Decision) {
        decision.setTimer(
            timer.name(of: task), at: due, payload: ["task": .string(task.description), "timer": .string(timer.word)])
    }

    /// One look an hour is enough, however many tasks are released in it.
    private func setTidy(at due: Timestamp, _ decision: inout Decision) {
        let hour = due.microseconds / 3_600_000_000 + 1
        decision.setTimer(
            "tidy/\(hour)", at: Timestamp(microseconds: hour * 3_600_000_000),
            payload: ["timer": .string(TaskTimer.tidy.word)])
    }

    private func take(_ fired: FiredTimer, _ decision: inout Decision) throws {
        guard let timer = fired.payload["timer"]?.string.flatMap(TaskTimer.init) else { return }
        let task = fired.payload["task"]?.string.flatMap(TaskID.init)
        switch (timer, task) {
        case (.tidy, _):
            decision.start(Activity(id: Activity.tidy, name: Activity.tidy, lane: Activity.tidy, input: [:]))
        case (.machine(let timer), let task?): try handle(task, &decision) { _ in .timer(timer) }
        case (.clean, let task?):
            guard let stored = try decision.load(StoredTask.self, kind: StoredTask.kind, id: task.description),
                stored.hasFailed
            else { return }
            decision.start(activity(Activity.clean, of: stored))
        case (.forget, let task?): decision.delete(kind: StoredTask.kind, id: task.description)
        case (_, nil): break
        }
    }
}
