import Soak
import Testing
import Wire

/// Checks that cannot fail would be worth nothing: a history in which all goes well passes, and each way of spoiling it
/// is found by the check whose promise it breaks.
struct CheckTests {
    /// A way to spoil a good history.
    struct Spoiling: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let promise: String
        let spoil: @Sendable (inout HistoryMaker) -> Void

        init(_ what: String, breaks promise: String, _ spoil: @escaping @Sendable (inout HistoryMaker) -> Void) {
            (testDescription, self.promise, self.spoil) = (what, promise, spoil)
        }
    }

    @Test func `a history in which all goes well has no violation`() {
        for (check, result) in Check.judge(HistoryMaker.good()) {
            #expect(result.violations.isEmpty, "\(check.promise): \(result.violations)")
            #expect(result.looked > 0, "\(check.promise) looked at nothing")
        }
    }

    @Test(arguments: spoilings) func `what breaks a promise is found`(_ spoiling: Spoiling) {
        var maker = HistoryMaker(history: HistoryMaker.good())
        spoiling.spoil(&maker)
        let broken = Check.judge(maker.history).filter { !$0.result.violations.isEmpty }.map(\.check.promise)
        #expect(broken.contains(spoiling.promise), "found: \(broken)")
    }

    @Test func `every check is broken by one of the spoilt histories`() {
        #expect(Set(Self.spoilings.map(\.promise)) == Set(Check.all.map(\.promise)))
    }

    @Test func `copies of a message, and answers that are the same, break nothing`() {
        var history = HistoryMaker.good()
        history.events += history.events
        history.callbacks += history.callbacks
        history.answers += history.answers
        history.answers.insert(
            .init(
                to: "accept-1", type: "srcnet.problem.v1", body: Problem(.unavailable, "not now").json,
                time: Timestamp(microseconds: 0)), at: 0)
        #expect(Check.judge(history).flatMap(\.result.violations) == [])
    }

    @Test func `what ends in the moment in which it would be usable takes no room`() throws {
        var history = HistoryMaker.good()
        let available = try #require(history.events.firstIndex { $0.body["phase"] == "AVAILABLE" })
        let cancelled = try #require(history.events.firstIndex { $0.body["phase"] == "CANCELLED" })
        history.events[available].time = history.events[cancelled].time
        var maker = HistoryMaker(history: history)
        maker.submit("offerset-2", [("session-3", "ral")])
        maker.phases("session-3", "ral", ["OFFERED", "ACCEPTED", "PREPARING", "AVAILABLE"])
        let capacity = Check.judge(maker.history).filter { $0.check.promise == Self.capacity }
        #expect(capacity.flatMap(\.result.violations) == [])
    }

    private static let oneOutcome = "every command has exactly one outcome"
    private static let effects = "an outcome tells what was done, once"
    private static let lives = "no session is lost, none is there twice"
    private static let phases = "phases only go forward"
    private static let siblings = "no two offers of a set are accepted"
    private static let capacity = "a site never gives more than it has"
    private static let callbacks = "every registered callback is delivered, in order"
    private static let sequences = "numbers have no gaps, and messages keep their order"
    private static let recording = "the stream history has every event that was heard"
    private static let ends = "workers end as they should, in time"
    private static let remains = "nothing is left behind"

    static let spoilings: [Spoiling] = commandSpoilings + sessionSpoilings + messageSpoilings

    private static let commandSpoilings = [
        Spoiling("a command without an answer", breaks: oneOutcome) { maker in
            maker.history.answers.removeAll { $0.command == "edit-2" }
        },
        Spoiling("a command that is only told that it may be tried again", breaks: oneOutcome) { maker in
            maker.command("srcnet.workstep.create.v1", [:], id: "create-2")
            maker.answer("create-2", Problem(.unavailable, "not now"))
        },
        Spoiling("two outcomes of a command", breaks: oneOutcome) { maker in
            maker.answer("cancel-1", Problem(.refusedTransition, "it has ended"))
        },
        Spoiling("the same outcome with another body", breaks: oneOutcome) { maker in
            maker.answer("accept-1", "srcnet.session.v1", ["phase": "AVAILABLE"])
        },
        Spoiling("an acceptance that was told and has no event", breaks: effects) { maker in
            maker.history.events.removeAll { $0.body["phase"] == "ACCEPTED" }
        },
        Spoiling("an acceptance that was refused and happened", breaks: effects) { maker in
            maker.history.answers.removeAll { $0.command == "accept-1" }
            maker.answer("accept-1", Problem(.offerTaken, "another was accepted"))
        },
        Spoiling("an acceptance that nobody asked for", breaks: effects) { maker in
            maker.history.commands.removeAll { $0.id == "accept-1" }
        },
        Spoiling("a cancellation that was told and did not happen", breaks: effects) { maker in
            maker.history.events.removeAll { $0.body["phase"] == "CANCELLED" }
        },
        Spoiling("a workstep that was created twice", breaks: effects) { maker in
            maker.event("workstep.global.created.workstep-9", "workstep-9", 1, [:])
        },
        Spoiling("an edit that was done twice", breaks: effects) { maker in
            maker.event("workstep.global.edited.workstep-1", "workstep-1", 4, [:])
        },
        Spoiling("two edits that made the same revision", breaks: effects) { maker in
            maker.history.answers.removeAll { $0.command == "edit-3" }
            maker.answer("edit-3", "srcnet.workstep.v1", ["uuid": "workstep-1", "revision": 2])
        },
        Spoiling("an offerset that nobody was told of", breaks: effects) { maker in
            maker.event("offerset.global.created.offerset-9", "offerset-9", 1, [:])
            maker.event("offerset.global.completed.offerset-9", "offerset-9", 2, [:])
        },
        Spoiling("an offerset whose gather never ended", breaks: effects) { maker in
            maker.history.events.removeAll { $0.key.hasPrefix("offerset.global.completed") }
        },
    ]

    private static let sessionSpoilings = [
        Spoiling("a session without an end", breaks: lives) { maker in
            maker.history.events.removeAll { $0.body["phase"] == "CANCELLED" }
        },
        Spoiling("an offer without an end", breaks: lives) { maker in
            maker.history.events.removeAll { $0.body["phase"] == "REJECTED" }
        },
        Spoiling("a session that failed", breaks: lives) { maker in
            maker.history.events.removeAll { $0.body["phase"] == "CANCELLED" }
            maker.phases(HistoryMaker.session, "ral", ["FAILED"])
        },
        Spoiling("a session that was completed and never usable", breaks: lives) { maker in
            maker.history.events.removeAll { ["AVAILABLE", "CANCELLED"].contains($0.body["phase"]) }
            maker.phases(HistoryMaker.session, "ral", ["COMPLETED"])
        },
        Spoiling("an offer of which no event tells", breaks: lives) { maker in
            maker.history.events.removeAll { $0.subject == HistoryMaker.sibling }
        },
        Spoiling("a session with the processes of two", breaks: lives) { maker in
            maker.sight([HistoryMaker.session: 4])
        },
        Spoiling("a link that lets nobody in", breaks: lives) { maker in
            maker.history.unreachable.append("it does not answer")
        },
        Spoiling("a session that goes back", breaks: phases) { maker in
            maker.phases(HistoryMaker.session, "ral", ["AVAILABLE"])
        },
        Spoiling("a session that ends twice", breaks: phases) { maker in
            maker.phases(HistoryMaker.session, "ral", ["COMPLETED"])
        },
        Spoiling("a phase that does not follow what it says", breaks: phases) { maker in
            maker.history.events.removeAll { $0.body["phase"] == "PREPARING" }
        },
        Spoiling("two offers of a set that are accepted at two sites", breaks: siblings) { maker in
            maker.history.events.removeAll { $0.body["phase"] == "REJECTED" }
            maker.phases(HistoryMaker.sibling, "caen", ["ACCEPTED"])
        },
        Spoiling("a sign of life with less than nothing", breaks: capacity) { maker in
            maker.history.signs.insert(
                .init(site: "ral", free: .init(cores: -1, memory: 1), time: maker.tick()), at: 0)
        },
        Spoiling("a sign of life with more than all", breaks: capacity) { maker in
            maker.history.signs.insert(
                .init(site: "ral", free: .init(cores: 2, memory: 5), time: maker.tick()), at: 0)
        },
        Spoiling("processes of more sessions than a site has room for", breaks: capacity) { maker in
            maker.submit("offerset-2", [("session-3", "ral")])
            maker.sight([HistoryMaker.session: 2, "session-3": 2])
        },
        Spoiling("more usable sessions than a site has room for", breaks: capacity) { maker in
            maker.submit("offerset-2", [("session-3", "ral")])
            maker.history.events.removeAll { $0.body["phase"] == "CANCELLED" }
            maker.phases("session-3", "ral", ["OFFERED", "ACCEPTED", "PREPARING", "AVAILABLE"])
        },
        Spoiling("capacity that is not free again", breaks: remains) { maker in
            maker.history.signs.append(.init(site: "caen", free: .init(cores: 1, memory: 3), time: maker.tick()))
        },
        Spoiling("a site that gave no sign of life", breaks: remains) { maker in
            maker.history.signs.removeAll { $0.site == "caen" }
        },
        Spoiling("a folder that is left", breaks: remains) { maker in
            maker.history.remains.append("left in the folder of a site")
        },
    ]

    private static let messageSpoilings = [
        Spoiling("a callback that did not come", breaks: callbacks) { maker in
            maker.history.callbacks.removeAll { $0.body["phase"] == "AVAILABLE" }
        },
        Spoiling("no callback of the end", breaks: callbacks) { maker in
            maker.history.callbacks.removeLast()
        },
        Spoiling("a callback more than was registered", breaks: callbacks) { maker in
            maker.callback(HistoryMaker.session, "CANCELLED", 5, of: "accept-1")
        },
        Spoiling("callbacks in another order", breaks: callbacks) { maker in
            maker.history.callbacks.swapAt(1, 2)
        },
        Spoiling("a gap in the numbers of events", breaks: sequences) { maker in
            maker.history.events.removeAll { $0.body["phase"] == "PREPARING" }
        },
        Spoiling("a number that is used twice", breaks: sequences) { maker in
            maker.event("workstep.global.edited.workstep-1", "workstep-1", 3, [:])
        },
        Spoiling("events that overtake each other", breaks: sequences) { maker in
            maker.history.events.swapAt(maker.history.events.count - 1, maker.history.events.count - 2)
        },
        Spoiling("a gap in the numbers of callbacks", breaks: sequences) { maker in
            maker.history.callbacks.remove(at: 1)
        },
        Spoiling("a copy that differs", breaks: sequences) { maker in
            guard var copy = maker.history.events.last else { return }
            copy.body = ["other": true]
            maker.history.events.append(copy)
        },
        Spoiling("an event that the history does not have", breaks: recording) { maker in
            maker.history.recorded.removeLast()
        },
        Spoiling("an event that was never heard", breaks: recording) { maker in
            maker.history.events.removeLast()
        },
        Spoiling("a worker that crashes", breaks: ends) { maker in
            maker.history.exits.append(.init(worker: "canfar.ral", status: "signal 11"))
        },
        Spoiling("a worker that gives up", breaks: ends) { maker in
            maker.history.exits.append(.init(worker: "canfar.ral", status: "exit code 1"))
        },
        Spoiling("a worker that takes too long to drain", breaks: ends) { maker in
            maker.history.stops.append(.init(worker: "canfar.ral", isTwice: false, took: .seconds(12)))
        },
        Spoiling("a worker that is told twice and takes its time", breaks: ends) { maker in
            maker.history.stops.append(.init(worker: "canfar.ral", isTwice: true, took: .seconds(3)))
        },
        Spoiling("a worker that was told to stop and never ended", breaks: ends) { maker in
            maker.history.stops.append(.init(worker: "harbor.ral", isTwice: false, took: .seconds(1)))
        },
    ]
}
