public import Wire

/// The life of one preparation, the same for all four preparing participants.
///
///     unknown -> accepted -> running -> completed | failed | cancelled -> releasing -> released
///
/// The participant loads it by its id (or begins with `TaskMachine(task:)`), calls `handle`, stores it, and carries out
/// the actions in their order after the commit. Everything may come twice: cancelling and releasing again changes nothing.
/// A cancel or release that comes before the start is remembered, and the start then starts nothing.
public struct TaskMachine: Sendable, Hashable, Codable {
    /// Where the task stands.
    public enum State: String, Sendable, Hashable, Codable, CaseIterable {
        /// No command to start it has come.
        case unknown
        /// Its command is stored; the activity is being started.
        case accepted
        /// The activity has reported that it runs.
        case running
        case completed
        case failed
        case cancelled
        /// What it made is being removed.
        case releasing
        /// Nothing of it is left.
        case released
    }

    /// The command that started it.
    public struct Start: Sendable, Hashable, Codable {
        /// The session that it prepares.
        public var session: SessionID
        /// What to do, in the words of the participant.
        public var command: JSON
        /// Who is told when it is done.
        public var asker: Asker
        /// The instant after which it has failed.
        public var deadline: Timestamp?

        public init(session: SessionID, command: JSON, asker: Asker, deadline: Timestamp?) {
            self.session = session
            self.command = command
            self.asker = asker
            self.deadline = deadline
        }
    }

    /// The timers that it sets.
    public enum Timer: String, Sendable, Hashable, Codable, CaseIterable {
        /// The task has had its time.
        case deadline
        /// A release that failed is tried again.
        case release
    }

    /// What happens to it.
    public enum Event: Sendable, Hashable {
        /// The command to start it.
        case start(Start)
        /// Somebody calls it off.
        case cancel
        /// What it made is wanted no more. Its answer comes when nothing is left.
        case release(Asker)

        /// The activity runs.
        case activityStarted
        /// The activity reports how far it is.
        case progress(TaskProgress)
        /// The activity has done it, with a result for the asker alone.
        case completed(JSON)
        /// The activity cannot do it.
        case failed(TaskFailure)
        /// The activity has ended without an outcome: it was told to, or the participant drains.
        case stopped
        /// Nothing is left of what the task made.
        case released
        /// Something is left, and why.
        case releaseFailed(String)
        /// What the completed task had made has ended by itself.
        case ended(TaskEnd)

        /// A timer has come.
        case timer(Timer)
        /// The participant has started anew: no activity of an earlier life runs any more.
        case restarted
        /// A restart found that what should be there is not.
        case lost(TaskFailure)
    }

    /// What the participant then does, after the commit and in this order.
    public enum Action: Sendable, Hashable {
        /// Answer the message at hand with the document.
        case answer
        /// Answer a request to release, at last.
        case answerRelease(Asker)
        case startActivity
        /// End the activity. It is answered by `stopped` (or an outcome) also where there is none.
        case cancelActivity
        /// Remove all that the task made, also what is half done.
        case releaseActivity
        /// Publish the event of the task. Reports of progress may be thinned out.
        case publish(TaskStatus)
        /// Send `srcnet.task.done.v1` with the result.
        case sendDone(Asker)
        /// Send `srcnet.task.ended.v1`.
        case sendEnded(Asker)
        case setTimer(Timer, at: Timestamp)
        case cancelTimer(Timer)
    }

    /// How long a release that failed rests before it is tried again.
    public static let releasePause = Duration.seconds(10)

    public let task: TaskID
    public private(set) var state: State = .unknown
    public private(set) var start: Start?
    public private(set) var progress: TaskProgress?
    public private(set) var status: TaskStatus = .running
    /// What the task made; it may hold secrets.
    public private(set) var result: JSON?
    public private(set) var failure: TaskFailure?
    public private(set) var ended: TaskEnd?
    /// Whether an activity was started that has not reported its end.
    public private(set) var isActive = false
    /// Who waits for the release.
    private var releaseAskers: [Asker] = []

    /// A task of which nothing is known yet.
    public init(task: TaskID) { self.task = task }

    /// What can be told of it; the result only for its asker.
    public func document(withResult: Bool = false) -> TaskDocument {
        return TaskDocument(
            task: task, session: start?.session, status: status, progress: progress, failure: failure,
            released: state == .released, ended: ended, result: withResult ? result : nil)
    }

    /// Takes in what happened. A refusal changes nothing.
    public mutating func handle(_ event: Event, at now: Timestamp) throws(Problem) -> [Action] {
        switch event {
        case .start(let command): return try begin(command, at: now)
        case .cancel: return cancel()
        case .release(let asker): return release(for: asker)
        case .activityStarted: return activityStarted()
        case .progress(let report): return advance(to: report)
        case .completed(let result): return complete(with: result)
        case .failed(let failure): return activityEnded(.failed, failure)
        case .stopped: return stopped()
        case .released: return released()
        case .releaseFailed: return releaseFailed(at: now)
        case .ended(let end): return self.end(end)
        case .timer(.deadline): return deadlinePassed()
        case .timer(.release): return state == .releasing && !isActive ? [.releaseActivity] : []
        case .restarted: return restart()
        case .lost(let failure): return lose(failure)
        }
    }
}

// What others ask.
extension TaskMachine {
    private mutating func begin(_ command: Start, at now: Timestamp) throws(Problem) -> [Action] {
        if let start {
            guard start.session == command.session, start.command == command.command else {
                throw Problem(.idempotencyConflict, "Task \(task) was started with another command")
            }
            self.start?.asker = command.asker
            return [.answer]
        }
        guard state == .unknown else {
            // It was called off before it came.
            start = command
            return [.answer]
        }
        if let deadline = command.deadline, now >= deadline {
            throw Problem(.deadlineExceeded, "The deadline of the task was \(deadline)")
        }
        start = command
        state = .accepted
        isActive = true
        let timer = command.deadline.map { Action.setTimer(.deadline, at: $0) }
        return [.answer] + (timer.map { [$0] } ?? []) + [.startActivity]
    }

    private mutating func cancel() -> [Action] {
        switch state {
        case .unknown:
            state = .cancelled
            fail(.cancelled)
            return [.answer]
        case .accepted, .running: return [.answer] + callOff(.cancelled, .cancelled)
        case .completed, .failed, .cancelled, .releasing, .released: return [.answer]
        }
    }

    private mutating func release(for asker: Asker) -> [Action] {
        switch state {
        case .unknown:
            state = .released
            fail(.cancelled)
            return [.answerRelease(asker)]
        case .accepted, .running:
            let actions = callOff(.releasing, .cancelled)
            releaseAskers = [asker]
            return actions
        case .completed, .failed, .cancelled:
            if start == nil {
                // It was called off before it came, so nothing was made.
                state = .released
                return [.answerRelease(asker)]
            }
            state = .releasing
            releaseAskers = [asker]
            return isActive ? [] : [.releaseActivity]
        case .releasing:
            if !releaseAskers.contains(asker) { releaseAskers.append(asker) }
            return []
        case .released: return [.answerRelease(asker)]
        }
    }
}

// What its activity reports.
extension TaskMachine {
    private mutating func activityStarted() -> [Action] {
        guard state == .accepted else { return [] }
        state = .running
        return [.publish(.running)]
    }

    private mutating func advance(to report: TaskProgress) -> [Action] {
        guard state == .accepted || state == .running else { return [] }
        state = .running
        progress = progress.map { $0.advanced(to: report) } ?? report
        return [.publish(.running)]
    }

    private mutating func complete(with result: JSON) -> [Action] {
        guard state == .accepted || state == .running, let start else { return stopped() }
        isActive = false
        state = .completed
        status = .completed
        self.result = result
        return cancelDeadline() + [.publish(.completed), .sendDone(start.asker)]
    }

    private mutating func activityEnded(_ next: State, _ failure: TaskFailure) -> [Action] {
        guard state == .accepted || state == .running, let start else { return stopped() }
        isActive = false
        state = next
        fail(failure)
        return cancelDeadline() + [.publish(.failed), .sendDone(start.asker)]
    }

    /// Of a task that goes on (the participant drains), the next life starts the activity again.
    private mutating func stopped() -> [Action] {
        guard isActive else { return [] }
        isActive = false
        return state == .releasing ? [.releaseActivity] : []
    }

    private mutating func released() -> [Action] {
        guard state == .releasing, !isActive else { return [] }
        state = .released
        let askers = releaseAskers
        releaseAskers = []
        return [.cancelTimer(.release)] + askers.map { .answerRelease($0) }
    }

    private func releaseFailed(at now: Timestamp) -> [Action] {
        state == .releasing ? [.setTimer(.release, at: now + TaskMachine.releasePause)] : []
    }

    private mutating func end(_ end: TaskEnd) -> [Action] {
        guard state == .completed, ended == nil, let start else { return [] }
        ended = end
        return [.sendEnded(start.asker)]
    }
}

// What time and restarts bring.
extension TaskMachine {
    private mutating func deadlinePassed() -> [Action] {
        guard state == .accepted || state == .running else { return [] }
        return callOff(.failed, .deadlineExceeded, timerIsSet: false)
    }

    private mutating func restart() -> [Action] {
        isActive = false
        switch state {
        case .accepted, .running:
            isActive = true
            return [.startActivity]
        case .releasing: return [.releaseActivity]
        case .unknown, .completed, .failed, .cancelled, .released: return []
        }
    }

    private mutating func lose(_ failure: TaskFailure) -> [Action] {
        switch state {
        case .accepted, .running: return activityEnded(.failed, failure)
        case .completed: return end(TaskEnd(failure.reason, isFailure: true))
        case .unknown, .failed, .cancelled, .releasing, .released: return []
        }
    }

    /// Ends a task that goes on; its activity is told, and reports its end by itself.
    private mutating func callOff(_ next: State, _ failure: TaskFailure, timerIsSet: Bool = true) -> [Action] {
        guard let start else { return [] }
        state = next
        fail(failure)
        var actions = timerIsSet ? cancelDeadline() : []
        if isActive {
            actions.append(.cancelActivity)
        } else if next == .releasing {
            actions.append(.releaseActivity)
        }
        return actions + [.publish(.failed), .sendDone(start.asker)]
    }

    private mutating func fail(_ failure: TaskFailure) {
        status = .failed
        self.failure = failure
    }

    private func cancelDeadline() -> [Action] {
        start?.deadline == nil ? [] : [.cancelTimer(.deadline)]
    }
}
