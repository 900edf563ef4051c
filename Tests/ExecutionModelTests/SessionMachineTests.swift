import ExecutionModel
import FoundationEssentials
import Testing
import Wire

struct SessionMachineTests {
    @Test func `a session goes its whole way`() throws {
        var play = SessionPlay(makeSession())
        try play.play(Way.available)
        #expect(play.session.phase == .available)
        #expect(play.published == [.offered, .accepted, .preparing, .available])
        #expect(play.session.endsAt == instant(3_620), "as promised, since it was ready early")

        try play.play(.timer(.end), at: 3_620)
        #expect(play.session.phase == .releasing)
        #expect(play.session.reason?.reason == "duration-over")
        try play.play(Way.released)
        #expect(play.session.phase == .completed)
        #expect(play.published == [.offered, .accepted, .preparing, .available, .releasing, .completed])
        #expect(play.actions.last == .freeCapacity)
        #expect(!play.session.holdsCapacity)
        #expect(play.session.timers.isEmpty)
        #expect(play.session.sequence == 6)
    }

    @Test func `an offer is accepted in the contract's order`() throws {
        var play = SessionPlay(makeSession())
        try play.play(.offered)
        #expect(play.actions.last == .setTimer(.expiry, at: instant(300)))
        #expect(
            try play.play(setPhase(.accepted), at: 1) == [
                .askPermission(identifier(1)), .setTimer(.acceptance, at: instant(6)),
            ])
        #expect(play.session.phase == .offered)
        #expect(
            try play.play(.permission(identifier(1), .granted), at: 2) == [
                .claim(identifier(1)), .setTimer(.acceptance, at: instant(7)),
            ])
        #expect(play.session.phase == .offered)
        let actions = try play.play(.claim(identifier(1), .claimed), at: 3)
        #expect(actions.contains(.rejectSiblings))
        #expect(actions.contains(.cancelTimer(.expiry)))
        #expect(actions.contains(.holdCapacity(until: instant(3 + 20 + 3_600 + 10))))
        for role in TaskRole.parallel { #expect(actions.contains(.startTask(role, deadline: instant(603)))) }
        #expect(!actions.contains(.startTask(.canfar, deadline: instant(603))))
        let answer = actions.compactMap { if case .answer(_, let document) = $0 { document } else { nil } }
        #expect(answer.map { $0["phase"] } == ["ACCEPTED"])
        #expect(play.session.phase == .preparing)
        #expect(play.session.expires == nil)
    }

    @Test func `the session starts only after all three, and only where there is room`() throws {
        var play = SessionPlay(makeSession())
        try play.play(Way.accepted)
        #expect(try play.play(.task(.harbor, .completed([:], mayStayUntil: nil))) == [])
        #expect(try play.play(.task(.prepareData, .completed([:], mayStayUntil: nil))) == [])
        #expect(try play.play(.task(.cavern, .completed([:], mayStayUntil: nil))) == [.requestRoom])
        #expect(try play.play(.roomTaken(until: instant(30))) == [.setTimer(.computing, at: instant(30))])
        #expect(try play.play(.timer(.computing), at: 30) == [.requestRoom])
        #expect(try play.play(.roomGranted) == [.startTask(.canfar, deadline: instant(600))])
        #expect(try play.play(.roomGranted) == [])
    }

    @Test func `nothing computes before the promised time`() throws {
        var play = SessionPlay(makeSession(makeOffer(computing: 200)))
        try play.play(Way.prepared)
        #expect(play.actions.last == .setTimer(.computing, at: instant(200)))
        #expect(!play.actions.contains(.requestRoom))
        #expect(try play.play(.timer(.computing), at: 200) == [.requestRoom])
    }

    @Test func `a session that begins later waits first`() throws {
        var play = SessionPlay(makeSession(makeOffer(preparing: 1_000, slack: 0)))
        try play.play(Way.accepted)
        #expect(play.published == [.offered, .accepted, .waiting])
        #expect(play.actions.last == .setTimer(.preparing, at: instant(1_000)))
        try play.play(.timer(.preparing), at: 1_000)
        #expect(play.session.phase == .preparing)
    }

    @Test func `a session without data asks nobody for data`() throws {
        let parts = notebookParts.with("data", nil).with("compute/volumes", nil)
        var request = offerRequest
        request.parts = parts
        request.request = try Workstep.parse(parts)
        var play = SessionPlay(makeSession(of: request))
        try play.play(Way.accepted)
        #expect(play.session.task(.prepareData) == nil)
        try play.play(.task(.harbor, .completed([:], mayStayUntil: nil)))
        #expect(try play.play(.task(.cavern, .completed([:], mayStayUntil: nil))) == [.requestRoom])
        try play.play(setPhase(.cancelled))
        try play.play([.task(.harbor, .released), .task(.cavern, .released)])
        #expect(!play.session.holdsCapacity)
    }

    // MARK: Refused acceptances

    static func problem(_ actions: [SessionAction], for name: String = "owner") -> Problem? {
        actions.lazy.compactMap { action -> Problem? in
            if case .refuse(asker(name), let problem) = action { problem } else { nil }
        }.first
    }

    @Test func `a denial leaves the offer as it was`() throws {
        var play = SessionPlay(makeSession())
        try play.play(Way.permission)
        let actions = try play.play(.permission(identifier(1), .denied("not in the group")))
        #expect(SessionMachineTests.problem(actions)?.kind == .notAuthorised)
        #expect(SessionMachineTests.problem(actions)?.detail == "not in the group")
        #expect(play.session.phase == .offered)
        #expect(play.session.holdsCapacity)
        #expect(play.published == [.offered])
        try play.play(setPhase(.accepted, claim: 2))
        try play.play(.permission(identifier(2), .granted))
        try play.play(.claim(identifier(2), .claimed))
        #expect(play.session.phase == .preparing)
    }

    @Test func `a taken claim leaves the offer until it is rejected`() throws {
        var play = SessionPlay(makeSession())
        try play.play(Way.claim)
        let actions = try play.play(.claim(identifier(1), .taken(by: identifier(8))))
        #expect(SessionMachineTests.problem(actions)?.kind == .offerTaken)
        #expect(!actions.contains(.unclaim(identifier(1))))
        #expect(play.session.phase == .offered)
        try play.play(setPhase(.rejected, from: "global", origin: .sibling(identifier(8))))
        #expect(play.session.phase == .rejected)
        let problem = #expect(throws: Problem.self) { try play.play(setPhase(.accepted)) }
        #expect(problem?.kind == .offerTaken)
    }

    @Test func `no claim answer in time takes the claim back`() throws {
        var play = SessionPlay(makeSession())
        try play.play(Way.claim)
        let actions = try play.play(.timer(.acceptance), at: 5)
        #expect(SessionMachineTests.problem(actions)?.kind == .unavailable)
        #expect(actions.contains(.unclaim(identifier(1))))
        #expect(play.session.phase == .offered)
        #expect(try play.play(.claim(identifier(1), .claimed)) == [.unclaim(identifier(1))], "it came too late")
    }

    @Test func `no permission answer in time claims nothing`() throws {
        var play = SessionPlay(makeSession())
        try play.play(Way.permission)
        let actions = try play.play(.timer(.acceptance), at: 5)
        #expect(SessionMachineTests.problem(actions)?.kind == .unavailable)
        #expect(!actions.contains(.unclaim(identifier(1))))
        #expect(try play.play(.permission(identifier(1), .granted)) == [], "it came too late")
    }

    @Test func `a second report of the claim that won changes nothing`() throws {
        var play = SessionPlay(makeSession())
        try play.play(Way.accepted)
        #expect(try play.play(.claim(identifier(1), .claimed)) == [])
    }

    @Test func `a claim that comes back after the offer's time is taken back`() throws {
        var play = SessionPlay(makeSession())
        try play.play(Way.claim)
        let actions = try play.play(.claim(identifier(1), .claimed), at: 300)
        #expect(SessionMachineTests.problem(actions)?.kind == .offerExpired)
        #expect(actions.contains(.unclaim(identifier(1))))
        #expect(actions.contains(.freeCapacity))
        #expect(play.session.phase == .expired)
    }

    @Test func `a second ACCEPTED joins the first`() throws {
        var play = SessionPlay(makeSession())
        try play.play(Way.permission)
        #expect(try play.play(setPhase(.accepted, from: "again", claim: 2)) == [])
        try play.play(.permission(identifier(1), .granted))
        let actions = try play.play(.claim(identifier(1), .claimed))
        let answered = actions.compactMap { if case .answer(let asker, _) = $0 { asker } else { nil } }
        #expect(answered == [asker("owner"), asker("again")])
    }

    @Test(arguments: [Phase.rejected, .cancelled])
    func `an offer can be ended while its acceptance is under way`(phase: Phase) throws {
        var play = SessionPlay(makeSession())
        try play.play(Way.claim)
        let actions = try play.play(setPhase(phase, from: "second"))
        #expect(SessionMachineTests.problem(actions)?.kind == .refusedTransition)
        #expect(actions.contains(.unclaim(identifier(1))))
        #expect(actions.contains(.freeCapacity))
        #expect(play.session.phase == phase)
        #expect(play.session.timers.isEmpty)
        #expect(try play.play(.claim(identifier(1), .claimed)) == [.unclaim(identifier(1))])
    }

    @Test func `another site's win ends the acceptance here`() throws {
        var play = SessionPlay(makeSession())
        try play.play(Way.claim)
        let actions = try play.play(setPhase(.rejected, from: "global", origin: .sibling(identifier(8))))
        #expect(SessionMachineTests.problem(actions)?.kind == .offerTaken)
        #expect(SessionMachineTests.problem(actions, for: "global") == nil)
        #expect(play.session.phase == .rejected)
    }

    @Test func `a claim of what the set does not list is told as it is`() throws {
        var play = SessionPlay(makeSession())
        try play.play(Way.claim)
        let actions = try play.play(.claim(identifier(1), .refused(Problem(.notFound, "no such offer"))))
        #expect(SessionMachineTests.problem(actions)?.kind == .notFound)
        #expect(!actions.contains(.unclaim(identifier(1))))
    }

    @Test func `an offer past its time is expired by whatever comes first`() throws {
        for phase in [Phase.accepted, .rejected, .cancelled, .available] {
            var play = SessionPlay(makeSession())
            try play.play(.offered)
            let actions = try play.play(setPhase(phase), at: 300)
            #expect(SessionMachineTests.problem(actions)?.kind == .offerExpired)
            #expect(play.session.phase == .expired)
            #expect(play.published == [.offered, .expired])
            let problem = #expect(throws: Problem.self) { try play.play(setPhase(.accepted)) }
            #expect(problem?.kind == .offerExpired)
        }
    }

    // MARK: The table of phases

    /// What a client gets for each phase in each situation.
    @Test(arguments: Situation.allCases, Phase.allCases)
    func `a client can set what the contract allows`(situation: Situation, wanted: Phase) throws {
        var play = try situation.play()
        let before = play.session
        let expected: Phase? =
            switch (situation, wanted) {
            case (.offered, .accepted), (.permission, .accepted), (.claim, .accepted): .offered
            case (.waiting, .accepted), (.preparing, .accepted), (.prepared, .accepted), (.starting, .accepted),
                (.available, .accepted), (.releasing, .accepted):
                situation.phase
            case (.offered, .rejected), (.permission, .rejected), (.claim, .rejected): .rejected
            case (.offered, .cancelled), (.permission, .cancelled), (.claim, .cancelled), (.waiting, .cancelled),
                (.preparing, .cancelled), (.prepared, .cancelled), (.starting, .cancelled), (.available, .cancelled):
                .cancelled
            case (.available, .releasing): .releasing
            default: nil
            }
        guard let expected else {
            let problem = #expect(throws: Problem.self) { try play.play(setPhase(wanted)) }
            let kind: Problem.Kind =
                switch situation {
                case .expired: .offerExpired
                case .taken: .offerTaken
                default: .refusedTransition
                }
            #expect(problem?.kind == kind)
            #expect(play.session == before)
            if kind == .refusedTransition {
                #expect(problem?.members["from"] == .string(situation.phase.rawValue))
                #expect(problem?.members["to"] == .string(wanted.rawValue))
                #expect(
                    problem?.members["allowed"]?.array
                        == situation.phase.successors(by: .client).map { .string($0.rawValue) })
            }
            return
        }
        let actions = try play.play(setPhase(wanted, from: "second"))
        #expect(play.session.phase == expected)
        let answers = actions.compactMap { action -> JSON? in
            if case .answer(asker("second"), let document) = action { document } else { nil }
        }
        if expected == .offered {
            #expect(answers.isEmpty, "the answer comes with the claim")
        } else {
            #expect(answers.map { $0["phase"] } == [.string(expected.rawValue)])
        }
    }

    enum Word: String, CaseIterable {
        case offered, granted, denied, unanswered, claimed, taken, refused, sibling
        case dataDone, harborFailed, canfarDone, canfarFailed, closed, crashed, canfarReleased, harborReleased
        case room, noRoom
        case expiry, acceptance, preparing, preparation, computing, warning, end, release

        var event: SessionEvent {
            switch self {
            case .offered: .offered
            case .granted: .permission(identifier(1), .granted)
            case .denied: .permission(identifier(1), .denied("no"))
            case .unanswered: .permission(identifier(1), .unanswered(Problem(.unavailable, "away")))
            case .claimed: .claim(identifier(1), .claimed)
            case .taken: .claim(identifier(1), .taken(by: nil))
            case .refused: .claim(identifier(1), .refused(Problem(.unavailable, "away")))
            case .sibling: .siblingAccepted(identifier(8))
            case .dataDone: .task(.prepareData, .completed([:], mayStayUntil: nil))
            case .harborFailed: .task(.harbor, .failed(TaskFailure("digest-mismatch")))
            case .canfarDone: .task(.canfar, .completed(startedSession, mayStayUntil: nil))
            case .canfarFailed: .task(.canfar, .failed(TaskFailure("no-answer")))
            case .closed: .task(.canfar, .ended(TaskEnd("closed", isFailure: false)))
            case .crashed: .task(.canfar, .ended(TaskEnd("lost", isFailure: true)))
            case .canfarReleased: .task(.canfar, .released)
            case .harborReleased: .task(.harbor, .released)
            case .room: .roomGranted
            case .noRoom: .roomTaken(until: instant(60))
            case .expiry: .timer(.expiry)
            case .acceptance: .timer(.acceptance)
            case .preparing: .timer(.preparing)
            case .preparation: .timer(.preparation)
            case .computing: .timer(.computing)
            case .warning: .timer(.warning)
            case .end: .timer(.end)
            case .release: .timer(.release)
            }
        }
    }

    @Test(arguments: Situation.allCases, Word.allCases)
    func `every event in every situation leads to the phase of the table`(situation: Situation, word: Word) throws {
        var play = try situation.play()
        let actions = try play.play(word.event)
        let expected: Phase =
            switch (situation, word) {
            case (.initial, .offered): .offered
            case (.offered, .expiry), (.permission, .expiry), (.claim, .expiry): .expired
            case (.offered, .sibling), (.permission, .sibling), (.claim, .sibling): .rejected
            case (.claim, .claimed): .preparing
            case (.waiting, .preparing): .preparing
            case (.preparing, .harborFailed), (.starting, .canfarFailed): .failed
            case (.preparing, .preparation), (.prepared, .preparation), (.starting, .preparation): .failed
            case (.starting, .canfarDone): .available
            case (.available, .closed), (.available, .end): .releasing
            case (.available, .crashed): .failed
            default: situation.phase
            }
        #expect(play.session.phase == expected)
        if expected == situation.phase { #expect(play.published.isEmpty) }
        if situation.phase.isTerminal, !play.session.holdsCapacity { #expect(!actions.contains(.freeCapacity)) }
    }

    // MARK: Ends

    @Test func `a failed preparation stops the others, and holds its place until they are gone`() throws {
        var play = SessionPlay(makeSession())
        try play.play(Way.accepted)
        try play.play(.task(.harbor, .completed([:], mayStayUntil: nil)))
        let actions = try play.play(.task(.prepareData, .failed(TaskFailure("checksum-mismatch", "adler32 differs"))))
        #expect(play.session.phase == .failed)
        #expect(play.session.reason == TaskFailure("prepare-data-failed", "adler32 differs"))
        let released = actions.compactMap { if case .releaseTask(let role, false) = $0 { role } else { nil } }
        #expect(released == [.harbor, .cavern, .prepareData], "in reverse order; the session was never asked for")
        #expect(play.session.holdsCapacity)
        try play.play([.task(.harbor, .released), .task(.cavern, .released)])
        #expect(play.session.holdsCapacity)
        #expect(try play.play(.task(.prepareData, .released)).last == .freeCapacity)
    }

    @Test func `a session that does not start is released before what it stands on`() throws {
        var play = SessionPlay(makeSession())
        try play.play(Way.starting)
        let actions = try play.play(.task(.canfar, .failed(TaskFailure("no-answer"))))
        #expect(actions.contains(.releaseTask(.canfar, keepResults: false)))
        #expect(!actions.contains(.releaseTask(.harbor, keepResults: false)))
        #expect(try play.play(.task(.canfar, .released)).contains(.releaseTask(.harbor, keepResults: false)))
    }

    @Test func `results are kept before the folder that they lie in goes`() throws {
        var play = SessionPlay(makeSession())
        try play.play(Way.releasing)
        #expect(play.actions.contains(.releaseTask(.canfar, keepResults: true)))
        let next = try play.play(.task(.canfar, .released))
        #expect(next.first == .releaseTask(.cavern, keepResults: true))
        #expect(next.count == 2)
        let last = try play.play(.task(.cavern, .released))
        #expect(last.contains(.releaseTask(.harbor, keepResults: true)))
        #expect(last.contains(.releaseTask(.prepareData, keepResults: true)))
        #expect(play.session.phase == .releasing)
    }

    @Test func `a cancelled session keeps nothing`() throws {
        var play = SessionPlay(makeSession())
        try play.play(Way.available)
        let actions = try play.play(setPhase(.cancelled))
        #expect(actions.contains(.releaseTask(.canfar, keepResults: false)))
        #expect(play.session.phase == .cancelled)
        try play.play(Way.released)
        #expect(play.published.last == .cancelled)
        #expect(!play.session.holdsCapacity)
    }

    @Test func `a session that waits is free at once when it is cancelled`() throws {
        var play = try Situation.waiting.play()
        let actions = try play.play(setPhase(.cancelled))
        #expect(actions.contains(.freeCapacity))
        #expect(!actions.contains { if case .releaseTask = $0 { true } else { false } })
    }

    @Test func `a release that is not confirmed is asked for again`() throws {
        var play = SessionPlay(makeSession())
        try play.play(Way.available)
        #expect(try play.play(setPhase(.releasing), at: 10).contains(.setTimer(.release, at: instant(40))))
        #expect(
            try play.play(.timer(.release), at: 40) == [
                .releaseTask(.canfar, keepResults: true), .setTimer(.release, at: instant(70)),
            ])
        try play.play(Way.released)
        #expect(play.session.phase == .completed)
    }

    @Test func `a session that crashes has failed, and its results are kept`() throws {
        var play = SessionPlay(makeSession())
        try play.play(Way.available)
        let actions = try play.play(.task(.canfar, .ended(TaskEnd("lost", isFailure: true))))
        #expect(play.session.phase == .failed)
        #expect(actions.contains(.releaseTask(.canfar, keepResults: true)))
    }

    @Test func `a session that is late ends as much later, if the site can hold it`() throws {
        for (mayStayUntil, end) in [(nil, 3_700.0), (3_650.0, 3_640.0), (3_000.0, 3_620.0)] as [(Double?, Double)] {
            var play = SessionPlay(makeSession())
            try play.play(Way.starting)
            let until = mayStayUntil.map { instant($0) }
            let actions = try play.play(.task(.canfar, .completed(startedSession, mayStayUntil: until)), at: 100)
            #expect(play.session.endsAt == instant(end))
            #expect(actions.contains(.setTimer(.end, at: instant(end))))
            #expect(actions.contains(.holdCapacity(until: instant(end + 10))))
        }
    }

    @Test func `the owner is warned before the end`() throws {
        var play = SessionPlay(makeSession())
        try play.play(Way.available)
        #expect(play.actions.contains(.setTimer(.warning, at: instant(3_320))))
        #expect(try play.play(.timer(.warning), at: 3_320) == [.warn(endsAt: instant(3_620))])
    }

    @Test func `preparing that takes too long has failed`() throws {
        var play = SessionPlay(makeSession())
        try play.play(Way.accepted)
        try play.play(.task(.harbor, .completed([:], mayStayUntil: nil)))
        try play.play(.timer(.preparation), at: 600)
        #expect(play.session.phase == .failed)
        #expect(play.session.reason?.detail == "not done in time: prepare-data, cavern")
    }

    @Test func `a result that tells no way in is a failure`() throws {
        var play = SessionPlay(makeSession())
        try play.play(Way.starting)
        try play.play(.task(.canfar, .completed(["url": 7], mayStayUntil: nil)))
        #expect(play.session.phase == .failed)
    }

    @Test(arguments: Situation.allCases)
    func `a session is stored and read again as it was`(situation: Situation) throws {
        let session = try situation.play().session
        let stored = try JSONEncoder().encode(session)
        #expect(try JSONDecoder().decode(Session.self, from: stored) == session)
    }
}
