import ExecutionModel
import Testing
import Wire

struct PhaseTests {
    @Test func `there are the thirteen phases of the standard, in upper case`() {
        #expect(
            Phase.allCases.map(\.rawValue) == [
                "INITIAL", "OFFERED", "ACCEPTED", "WAITING", "PREPARING", "AVAILABLE", "RUNNING", "RELEASING",
                "REJECTED", "EXPIRED", "COMPLETED", "FAILED", "CANCELLED",
            ])
    }

    @Test(arguments: Phase.allCases, PhaseMover.allCases)
    func `a phase moves forward only, and a terminal one not at all`(phase: Phase, mover: PhaseMover) {
        for next in phase.successors(by: mover) { #expect(next.rank > phase.rank) }
        if phase.isTerminal { #expect(phase.successors(by: mover).isEmpty) }
    }

    /// contract.md, "Phases that a client may set", written out the other way round.
    @Test(arguments: Phase.allCases, Phase.allCases)
    func `a client may set what the contract lists and nothing else`(from: Phase, to: Phase) {
        let may: Set<Phase> =
            switch to {
            case .accepted, .rejected: [.offered]
            case .cancelled: [.offered, .accepted, .waiting, .preparing, .available, .running]
            case .releasing: [.available, .running]
            default: []
            }
        #expect(from.canBecome(to, by: .client) == may.contains(from))
    }

    @Test(arguments: Phase.allCases, Phase.allCases)
    func `the broker moves a session along the standard's table`(from: Phase, to: Phase) {
        let table: [Phase: Set<Phase>] = [
            .initial: [.offered],
            .offered: [.accepted, .rejected, .expired],
            .accepted: [.waiting, .preparing],
            .waiting: [.preparing],
            .preparing: [.available],
            .available: [.running, .releasing],
            .running: [.releasing],
            .releasing: [.completed],
        ]
        let expected =
            switch to {
            case .failed: !from.isTerminal
            case .cancelled: from < .releasing
            default: table[from]?.contains(to) ?? false
            }
        #expect(from.canBecome(to, by: .broker) == expected)
    }

    @Test func `every phase is reached from INITIAL`() {
        var reached: Set<Phase> = [.initial]
        var open: [Phase] = [.initial]
        while let phase = open.popLast() {
            for next in phase.successors(by: .broker) where reached.insert(next).inserted { open.append(next) }
        }
        #expect(reached == Set(Phase.allCases))
    }

    @Test func `a phase has a plain word`() {
        #expect(Phase.offered.status == .offered)
        #expect(Phase.waiting.status == .preparing)
        #expect(Phase.running.status == .available)
        #expect(Phase.completed.status == .completed)
        #expect(Phase.cancelled.status == .failed)
        #expect(Phase.preparing.word == "preparing")
    }

    @Test func `a refused transition says from where, to where, and what is allowed`() {
        let problem = Problem.refusedTransition(from: .available, to: .accepted, allowed: [.releasing, .cancelled])
        #expect(problem.kind == .refusedTransition)
        #expect(problem.json["from"] == "AVAILABLE")
        #expect(problem.json["to"] == "ACCEPTED")
        #expect(problem.json["allowed"] == ["RELEASING", "CANCELLED"])
        #expect(problem.json["status"] == 409)
    }
}

struct NamesTests {
    @Test func `an identifier is a UUID in lower case`() throws {
        let id: SessionID = identifier(7)
        #expect(SessionID(id.description.uppercased()) == id)
        #expect(SessionID("7") == nil)
        #expect(identifier(8, of: SessionID.self) != id)
        #expect(try SessionID.new { uuid(7) } == id)
        #expect(throws: Problem.self) { try SessionID.new { "7" } }
    }

    @Test func `routing keys of events have four words`() throws {
        let site = try #require(SiteName("ral"))
        let id = "8d0c2c1e-2222-4c22-9a22-000000000002"
        #expect(
            EventKey.session(site, .available, try #require(SessionID(id))) == "session.ral.available.\(id)")
        #expect(EventKey.sessionEnding(site, try #require(SessionID(id))) == "session.ral.ending.\(id)")
        #expect(
            EventKey.task(site, .prepareData, .running, try #require(TaskID(id)))
                == "task.ral.prepare-data-running.\(id)")
        #expect(EventKey.offerset(.created, try #require(OfferSetID(id))) == "offerset.global.created.\(id)")
        #expect(EventKey.workstep(.edited, try #require(WorkstepID(id))) == "workstep.global.edited.\(id)")
    }
}
