import ExecutionModel
import FoundationEssentials
import TestSupport
import Testing
import Wire

struct TaskMachineTests {
    static let command: JSON = ["data": ["demo:hcn-cube"]]
    static let start = TaskMachine.Start(
        session: identifier(1), command: command, asker: asker("broker"), deadline: instant(60))

    /// The ways to each state; the second word of two says whether an activity is still alive.
    enum Situation: String, CaseIterable {
        case unknown, accepted, running, completed, ended, failed, failedAlive, cancelled, cancelledAlive,
            cancelledEarly
        case releasing, releasingAlive, released
    }

    static func machine(in situation: Situation) throws -> TaskMachine {
        var machine = TaskMachine(task: identifier(2))
        let events: [TaskMachine.Event] =
            switch situation {
            case .unknown: []
            case .accepted: [.start(start)]
            case .running: [.start(start), .activityStarted]
            case .completed: [.start(start), .activityStarted, .completed(["files": 1])]
            case .ended: [.start(start), .completed(["files": 1]), .ended(TaskEnd("closed", isFailure: false))]
            case .failed: [.start(start), .activityStarted, .failed(TaskFailure("checksum-mismatch"))]
            case .failedAlive: [.start(start), .activityStarted, .timer(.deadline)]
            case .cancelled: [.start(start), .activityStarted, .cancel, .stopped]
            case .cancelledAlive: [.start(start), .activityStarted, .cancel]
            case .cancelledEarly: [.cancel]
            case .releasing: [.start(start), .completed(["files": 1]), .release(asker("first"))]
            case .releasingAlive: [.start(start), .activityStarted, .release(asker("first"))]
            case .released: [.start(start), .completed(["files": 1]), .release(asker("first")), .released]
            }
        for event in events { _ = try machine.handle(event, at: instant(0)) }
        return machine
    }

    enum Word: String, CaseIterable {
        case start, cancel, release, activityStarted, progress, completed, failed, stopped, released, releaseFailed
        case ended, deadline, retry, restarted, lost

        var event: TaskMachine.Event {
            switch self {
            case .start: .start(TaskMachineTests.start)
            case .cancel: .cancel
            case .release: .release(asker("second"))
            case .activityStarted: .activityStarted
            case .progress: .progress(TaskProgress(done: 5, total: 10))
            case .completed: .completed(["files": 2])
            case .failed: .failed(TaskFailure("disk-full"))
            case .stopped: .stopped
            case .released: .released
            case .releaseFailed: .releaseFailed("busy")
            case .ended: .ended(TaskEnd("exited", isFailure: true))
            case .deadline: .timer(.deadline)
            case .retry: .timer(.release)
            case .restarted: .restarted
            case .lost: .lost(.lost)
            }
        }
    }

    struct Outcome: Equatable {
        var state: TaskMachine.State
        var actions: [TaskMachine.Action]
    }

    /// The table: what changes; every pair that is not in it changes nothing and does nothing.
    static func expected(_ situation: Situation, _ word: Word) -> Outcome? {
        let done: [TaskMachine.Action] = [.publish(.failed), .sendDone(asker("broker"))]
        let off: [TaskMachine.Action] = [.cancelTimer(.deadline), .cancelActivity] + done
        switch (situation, word) {
        case (.unknown, .start):
            return .init(state: .accepted, actions: [.answer, .setTimer(.deadline, at: instant(60)), .startActivity])
        case (.unknown, .cancel): return .init(state: .cancelled, actions: [.answer])
        case (.unknown, .release), (.cancelledEarly, .release), (.released, .release):
            return .init(state: .released, actions: [.answerRelease(asker("second"))])

        case (.accepted, .activityStarted), (.accepted, .progress), (.running, .progress):
            return .init(state: .running, actions: [.publish(.running)])
        case (.accepted, .completed), (.running, .completed):
            return .init(
                state: .completed,
                actions: [.cancelTimer(.deadline), .publish(.completed), .sendDone(asker("broker"))])
        case (.accepted, .failed), (.running, .failed), (.accepted, .lost), (.running, .lost):
            return .init(state: .failed, actions: [.cancelTimer(.deadline)] + done)
        case (.accepted, .deadline), (.running, .deadline):
            return .init(state: .failed, actions: [.cancelActivity] + done)
        case (.accepted, .cancel), (.running, .cancel):
            return .init(state: .cancelled, actions: [.answer] + off)
        case (.accepted, .release), (.running, .release): return .init(state: .releasing, actions: off)
        case (.accepted, .restarted): return .init(state: .accepted, actions: [.startActivity])
        case (.running, .restarted): return .init(state: .running, actions: [.startActivity])

        case (.completed, .release), (.ended, .release), (.failed, .release), (.cancelled, .release):
            return .init(state: .releasing, actions: [.releaseActivity])
        case (.failedAlive, .release), (.cancelledAlive, .release): return .init(state: .releasing, actions: [])
        case (.completed, .ended), (.completed, .lost):
            return .init(state: .completed, actions: [.sendEnded(asker("broker"))])

        case (.releasingAlive, .stopped), (.releasingAlive, .completed), (.releasingAlive, .failed),
            (.releasingAlive, .restarted), (.releasing, .restarted), (.releasing, .retry):
            return .init(state: .releasing, actions: [.releaseActivity])
        case (.releasing, .releaseFailed), (.releasingAlive, .releaseFailed):
            return .init(state: .releasing, actions: [.setTimer(.release, at: instant(15))])
        case (.releasing, .released):
            return .init(state: .released, actions: [.cancelTimer(.release), .answerRelease(asker("first"))])

        case (_, .start), (_, .cancel): return .init(state: TaskMachineTests.state(situation), actions: [.answer])
        default: return nil
        }
    }

    static func state(_ situation: Situation) -> TaskMachine.State {
        switch situation {
        case .unknown: .unknown
        case .accepted: .accepted
        case .running: .running
        case .completed, .ended: .completed
        case .failed, .failedAlive: .failed
        case .cancelled, .cancelledAlive, .cancelledEarly: .cancelled
        case .releasing, .releasingAlive: .releasing
        case .released: .released
        }
    }

    @Test(arguments: Situation.allCases, Word.allCases)
    func `every event in every state does what the table says`(situation: Situation, word: Word) throws {
        var machine = try TaskMachineTests.machine(in: situation)
        #expect(machine.state == TaskMachineTests.state(situation))
        let actions = try machine.handle(word.event, at: instant(5))
        let expected = TaskMachineTests.expected(situation, word)
        #expect(actions == expected?.actions ?? [])
        #expect(machine.state == expected?.state ?? TaskMachineTests.state(situation))
    }

    @Test(arguments: Situation.allCases)
    func `a task is stored and read again as it was`(situation: Situation) throws {
        let machine = try TaskMachineTests.machine(in: situation)
        let stored = try JSONEncoder().encode(machine)
        #expect(try JSONDecoder().decode(TaskMachine.self, from: stored) == machine)
    }

    @Test func `a second start with another command is a conflict`() throws {
        var machine = try TaskMachineTests.machine(in: .running)
        let before = machine
        var other = TaskMachineTests.start
        other.command = ["data": []]
        #expect(throws: Problem(.idempotencyConflict, "Task \(machine.task) was started with another command")) {
            _ = try machine.handle(.start(other), at: instant(1))
        }
        #expect(machine == before)
    }

    @Test func `a start after its deadline is refused and leaves nothing`() throws {
        var machine = TaskMachine(task: identifier(2))
        let problem = #expect(throws: Problem.self) {
            _ = try machine.handle(.start(TaskMachineTests.start), at: instant(60))
        }
        #expect(problem?.kind == .deadlineExceeded)
        #expect(machine.state == .unknown)
    }

    @Test func `a task that was cancelled before its start never starts`() throws {
        var machine = TaskMachine(task: identifier(2))
        _ = try machine.handle(.cancel, at: instant(0))
        #expect(try machine.handle(.start(TaskMachineTests.start), at: instant(1)) == [.answer])
        #expect(try machine.handle(.restarted, at: instant(2)) == [])
        #expect(machine.document().failure?.reason == "cancelled")
        #expect(machine.document().status == .failed)
    }

    @Test func `a running task is stopped before its work is removed, and all who asked are told`() throws {
        var machine = try TaskMachineTests.machine(in: .running)
        let first = try machine.handle(.release(asker("a")), at: instant(1))
        #expect(first.contains(.cancelActivity))
        #expect(!first.contains(.releaseActivity))
        #expect(try machine.handle(.release(asker("b")), at: instant(2)) == [])
        #expect(try machine.handle(.release(asker("b")), at: instant(2)) == [])
        #expect(try machine.handle(.released, at: instant(2)) == [], "its activity is still alive")
        #expect(try machine.handle(.stopped, at: instant(3)) == [.releaseActivity])
        #expect(
            try machine.handle(.released, at: instant(4)) == [
                .cancelTimer(.release), .answerRelease(asker("a")), .answerRelease(asker("b")),
            ])
        #expect(machine.document().released)
    }

    @Test func `the end of what was made is told as it is`() throws {
        let machine = try TaskMachineTests.machine(in: .ended)
        #expect(machine.document().json["ended"] == ["reason": "closed", "failed": false])
        #expect(try TaskDocument(machine.document().json) == machine.document())
    }

    @Test func `progress never goes back`() throws {
        var machine = try TaskMachineTests.machine(in: .running)
        _ = try machine.handle(.progress(TaskProgress(done: 8, total: 10)), at: instant(1))
        _ = try machine.handle(.progress(TaskProgress(done: 2, total: 10)), at: instant(2))
        #expect(machine.progress == TaskProgress(done: 8, total: 10))
    }

    @Test func `a document tells the result to the asker alone`() throws {
        let machine = try TaskMachineTests.machine(in: .completed)
        #expect(machine.document().json["result"] == nil)
        #expect(machine.document(withResult: true).event["result"] == nil)
        let document = machine.document(withResult: true)
        #expect(document.json["result"] == ["files": 1])
        #expect(try TaskDocument(document.json) == document)
    }

    /// Random histories: whatever comes in whatever order, the asker hears of one outcome.
    @Test(arguments: UInt64(0)..<200)
    func `one outcome, one release, whatever happens`(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var machine = TaskMachine(task: identifier(2))
        var done = 0
        var ended = 0
        var releases = 0
        var asked = 0
        var answered = 0
        for step in 0..<200 {
            let word = Word.allCases.randomElement(using: &generator) ?? .start
            var event = word.event
            if word == .release {
                event = .release(asker("\(step)"))
                asked += 1
            }
            guard let actions = try? machine.handle(event, at: instant(Double(step))) else { continue }
            for action in actions {
                switch action {
                case .sendDone: done += 1
                case .sendEnded: ended += 1
                case .answerRelease: answered += 1
                case .startActivity: #expect(machine.state == .accepted || machine.state == .running)
                case .releaseActivity:
                    releases += 1
                    #expect(!machine.isActive, "nothing is removed under a living activity")
                default: break
                }
            }
        }
        #expect(done <= 1)
        #expect(ended <= 1)
        if machine.state == .released { #expect(asked == answered) } else { #expect(answered == 0) }
        if releases > 0 { #expect(machine.state == .releasing || machine.state == .released) }
    }
}
