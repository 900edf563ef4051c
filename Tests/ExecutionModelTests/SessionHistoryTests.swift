import ExecutionModel
import TestSupport
import Testing
import Wire

/// Random histories of one session: whatever comes in whatever order, also twice and late, the promises hold.
struct SessionHistoryTests {
    /// The world around a session, as far as it has to be kept in mind to check what the machine does.
    struct World {
        var play: SessionPlay
        var generator: SeededGenerator
        var seconds = 0.0
        var timers: [SessionTimer: Timestamp] = [:]
        var askers: [Asker: Int] = [:]
        var claims: [ClaimID] = []
        var ended: Set<ClaimID> = []
        var started: [TaskRole: Int] = [:]
        var released: [TaskRole: Int] = [:]
        var freed = 0
        var counts: [String: Int64] = [:]
        var nextNumber: UInt64 = 10

        init(seed: UInt64) {
            generator = SeededGenerator(seed: seed)
            let later = Bool.random(using: &generator)
            play = SessionPlay(makeSession(later ? makeOffer(preparing: 400, computing: 410, slack: 0) : makeOffer()))
        }

        mutating func number() -> UInt64 {
            nextNumber += 1
            return nextNumber
        }

        mutating func step(_ event: SessionEvent) {
            let phase = play.session.phase
            if case .setPhase(let request) = event { askers[request.asker] = 0 }
            if case .timer(let timer) = event { timers[timer] = nil }
            do {
                for action in try play.play(event, at: seconds) { note(action, after: event) }
            } catch {
                guard case .setPhase(let request) = event else {
                    Issue.record("only requests are refused")
                    return
                }
                askers[request.asker, default: 0] += 1
                #expect(play.session.phase == phase)
            }
            #expect(play.session.timers == Set(timers.keys))
        }

        mutating func note(_ action: SessionAction, after event: SessionEvent) {
            switch action {
            case .answer(let asker, _), .refuse(let asker, _): askers[asker, default: 0] += 1
            case .claim(let claim): claims.append(claim)
            case .unclaim(let claim): ended.insert(claim)
            case .startTask(let role, _):
                #expect(!play.session.phase.isTerminal, "nothing starts after the end")
                started[role, default: 0] += 1
            case .releaseTask(let role, _): if event != .timer(.release) { released[role, default: 0] += 1 }
            case .freeCapacity: freed += 1
            case .setTimer(let timer, let time): timers[timer] = time
            case .cancelTimer(let timer):
                #expect(timers[timer] != nil, "only what is set is cancelled")
                timers[timer] = nil
            case .callBack(let message):
                counts[message.address, default: 0] += 1
                #expect(counts[message.address] == message.sequence)
            case .askPermission, .publish, .warn, .rejectSiblings, .requestRoom, .holdCapacity: break
            }
        }

        mutating func randomEvent() -> SessionEvent {
            let claim = claims.randomElement(using: &generator) ?? play.session.acceptance?.claim ?? identifier(1)
            let current = play.session.acceptance?.claim ?? claim
            let role = TaskRole.allCases.randomElement(using: &generator) ?? .canfar
            switch Int.random(in: 0..<20, using: &generator) {
            case 0..<5: return request()
            case 5: return .permission(current, .granted)
            case 6:
                return .permission(
                    current, Bool.random(using: &generator) ? .denied("no") : .unanswered(Problem(.unavailable, "")))
            case 7, 8: return .claim(Bool.random(using: &generator) ? current : claim, .claimed)
            case 9:
                let answers: [SessionEvent.ClaimAnswer] = [
                    .taken(by: nil), .refused(Problem(.notFound, "")), .refused(Problem(.unavailable, "")),
                ]
                let answer = answers.randomElement(using: &generator) ?? .claimed
                // One that was told so holds no claim.
                if answer == .taken(by: nil) || answer == .refused(Problem(.notFound, "")) { ended.insert(current) }
                return .claim(current, answer)
            case 10, 11, 12:
                return .task(role, .completed(role == .canfar ? startedSession : [:], mayStayUntil: nil))
            case 13:
                return .task(
                    role, Bool.random(using: &generator) ? .failed(.lost) : .progress(.init(done: 1, total: 2)))
            case 14: return .task(role, .ended(TaskEnd("closed", isFailure: Bool.random(using: &generator))))
            case 15: return .task(role, .released)
            case 16: return Bool.random(using: &generator) ? .roomGranted : .roomTaken(until: instant(seconds + 5))
            case 17: return Int.random(in: 0..<10, using: &generator) == 0 ? .siblingAccepted(identifier(8)) : .offered
            default: return timerEvent()
            }
        }

        mutating func request() -> SessionEvent {
            let number = number()
            let weighted: [Phase] = [
                .accepted, .accepted, .accepted, .accepted, .releasing, .rejected, .cancelled, .failed,
            ]
            let phase = weighted.randomElement(using: &generator) ?? .accepted
            // Most histories should come further than an early end.
            let wanted = phase != .accepted && Int.random(in: 0..<4, using: &generator) != 0 ? .accepted : phase
            let callback = Callback(
                address: "client.ada.\(number % 3)", phases: number.isMultiple(of: 2) ? nil : [.available],
                once: number.isMultiple(of: 5))
            return setPhase(
                wanted, from: "\(number)", claim: number, callback: number.isMultiple(of: 4) ? callback : nil,
                origin: number.isMultiple(of: 9) ? .sibling(nil) : .owner)
        }

        /// The next timer that is set, or one that should not come.
        mutating func timerEvent() -> SessionEvent {
            guard let next = timers.min(by: { ($0.value, $0.key.rawValue) < ($1.value, $1.key.rawValue) }),
                Int.random(in: 0..<4, using: &generator) == 0
            else {
                let stale = SessionTimer.allCases.filter { timers[$0] == nil }
                return .timer(stale.randomElement(using: &generator) ?? .warning)
            }
            seconds = max(seconds, (next.value - instant(0)).seconds)
            return .timer(next.key)
        }

        /// Lets everything come to its end: all timers, and whatever was asked of others.
        mutating func finish() {
            for _ in 0..<200 where !(play.session.phase.isTerminal && !play.session.holdsCapacity) {
                if play.session.phase == .initial { step(.offered) }
                for task in play.session.tasks where task.stage == .releasing { step(.task(task.role, .released)) }
                if let next = timers.min(by: { $0.value < $1.value }) {
                    seconds = max(seconds, (next.value - instant(0)).seconds)
                    step(.timer(next.key))
                }
            }
        }
    }

    @Test(arguments: UInt64(0)..<300)
    func `the promises hold in every history`(seed: UInt64) {
        var world = World(seed: seed)
        let steps = Int.random(in: 5..<120, using: &world.generator)
        for _ in 0..<steps {
            world.seconds += Double(Int.random(in: 0..<4, using: &world.generator))
            world.step(world.randomEvent())
        }
        world.finish()
        let session = world.play.session
        let phases = world.play.published
        #expect(phases.map(\.rank) == phases.map(\.rank).sorted(), "phases never go back")
        #expect(Set(phases.map(\.rank)).count == phases.count, "and none comes twice")
        #expect(phases.filter(\.isTerminal).count == 1, "one end")
        #expect(session.sequence == Int64(phases.count + world.play.warnings), "each event has its number")
        #expect(world.freed == 1, "capacity is freed exactly once")
        #expect(world.askers.allSatisfy { $0.value == 1 }, "each request is answered exactly once")
        for role in TaskRole.allCases {
            #expect(world.started[role, default: 0] <= 1)
            #expect(world.released[role] == world.started[role], "what was begun is released, once, and nothing else")
        }
        for claim in world.claims {
            #expect(session.claim == claim || world.ended.contains(claim), "no claim is left behind")
        }
        #expect(world.timers.isEmpty)
        #expect(session.tasks.allSatisfy { $0.stage == .released } || session.claim == nil)
    }

    @Test func `the histories reach every phase`() {
        var reached: Set<Phase> = []
        for seed in UInt64(0)..<60 {
            var world = World(seed: seed)
            for _ in 0..<120 {
                world.seconds += Double(Int.random(in: 0..<4, using: &world.generator))
                world.step(world.randomEvent())
            }
            world.finish()
            reached.formUnion(world.play.published)
        }
        #expect(reached == Set(Phase.allCases).subtracting([.initial, .running]))
    }
}
