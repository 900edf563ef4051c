import Soak
import Wire

/// Makes a history in which two sites do everything right, to be spoilt by tests.
struct HistoryMaker {
    static let session = "session-1"
    static let sibling = "session-2"
    static let offerset = "offerset-1"
    static let workstep = "workstep-1"
    static let total = History.Amount(cores: 2, memory: 4)

    var history = History(sites: ["ral": total, "caen": total])
    private var clock = Timestamp(microseconds: 1_000_000)
    private var ids = 0

    /// Begins with nothing, or goes on with a history.
    init(history: History? = nil) {
        guard let history else { return }
        self.history = history
        clock = clock + .seconds(1_000)
        ids = 1_000
    }

    /// The history of a submission, two acceptances at once, one session, and a workstep that is edited twice.
    static func good() -> History {
        var maker = HistoryMaker()
        maker.submit(offerset, [(session, "ral"), (sibling, "caen")])
        maker.phases(session, "ral", ["OFFERED"])
        maker.phases(sibling, "caen", ["OFFERED"])
        maker.set("ACCEPTED", session, id: "accept-1", callback: ["criteria": ["phases": "any"]])
        maker.command(
            "srcnet.session.set-phase.v1", ["session": .string(sibling), "phase": "ACCEPTED"], id: "accept-2")
        maker.answer("accept-2", Problem(.offerTaken, "another was accepted"))
        maker.phases(session, "ral", ["ACCEPTED", "PREPARING", "AVAILABLE"])
        maker.sight([session: 2])
        maker.phases(sibling, "caen", ["REJECTED"])
        maker.set("CANCELLED", session, id: "cancel-1")
        maker.phases(session, "ral", ["CANCELLED"])
        for (index, phase) in ["ACCEPTED", "PREPARING", "AVAILABLE", "CANCELLED"].enumerated() {
            maker.callback(session, phase, Int64(index) + 1, of: "accept-1")
        }
        maker.command("srcnet.workstep.create.v1", [:], id: "create-1")
        maker.answer("create-1", "srcnet.workstep.v1", ["uuid": .string(workstep), "revision": 1])
        maker.event("workstep.global.created.\(workstep)", workstep, 1, [:])
        for revision in [Int64(2), 3] {
            maker.command("srcnet.workstep.edit.v1", ["uuid": .string(workstep)], id: "edit-\(revision)")
            maker.answer(
                "edit-\(revision)", "srcnet.workstep.v1", ["uuid": .string(workstep), "revision": .int(revision)])
            maker.event("workstep.global.edited.\(workstep)", workstep, revision, [:])
        }
        for site in ["ral", "caen"] {
            maker.history.signs.append(.init(site: site, free: total, time: maker.tick()))
        }
        maker.history.recorded = maker.history.events
        maker.history.placesLookedAt = 20
        maker.history.stops = [.init(worker: "canfar.ral", isTwice: false, took: .seconds(1))]
        maker.history.exits = ["signal 9", "exit code 0", "exit code 7"].map { .init(worker: "canfar.ral", status: $0) }
        return maker.history
    }

    mutating func tick() -> Timestamp {
        clock = clock + .seconds(1)
        return clock
    }

    mutating func command(_ type: String, _ body: JSON, id: String) {
        history.commands.append(.init(id: id, type: type, to: "somebody", body: body, time: tick()))
    }

    mutating func answer(_ command: String, _ type: String, _ body: JSON) {
        history.answers.append(.init(to: command, type: type, body: body, time: tick()))
    }

    mutating func answer(_ command: String, _ problem: Problem) {
        answer(command, "srcnet.problem.v1", problem.json)
    }

    mutating func event(_ key: String, _ subject: String, _ sequence: Int64, _ body: JSON) {
        ids += 1
        history.events.append(
            .init(id: "event-\(ids)", key: key, subject: subject, sequence: sequence, time: tick(), body: body))
    }

    mutating func callback(_ session: String, _ phase: String, _ sequence: Int64, of command: String) {
        ids += 1
        history.callbacks.append(
            .init(
                id: "callback-\(ids)", key: "client.alice.a", subject: session, sequence: sequence,
                correlation: command, time: tick(), body: ["session": .string(session), "phase": .string(phase)]))
    }

    mutating func submit(_ offerset: String, _ offers: [(session: String, site: String)]) {
        command("srcnet.workstep.submit.v1", [:], id: "submit-\(offerset)")
        event("offerset.global.created.\(offerset)", offerset, 1, [:])
        event("offerset.global.completed.\(offerset)", offerset, 2, [:])
        let list = offers.map { session, site -> JSON in
            [
                "meta": ["uuid": .string(session)], "site": .string(site),
                "compute": ["cores": ["min": 2, "max": 2], "memory": ["min": 2, "max": 2]],
            ]
        }
        answer(
            "submit-\(offerset)", "srcnet.offerset.v1",
            ["meta": ["uuid": .string(offerset)], "offers": .array(list)])
    }

    mutating func set(_ phase: String, _ session: String, id: String, callback: JSON? = nil) {
        var body: JSON = ["session": .string(session), "phase": .string(phase)]
        body["callback"] = callback
        command("srcnet.session.set-phase.v1", body, id: id)
        answer(id, "srcnet.session.v1", ["phase": .string(phase)])
    }

    mutating func phases(_ session: String, _ site: String, _ phases: [String]) {
        for phase in phases {
            let before = history.events.filter { $0.subject == session }
            var body: JSON = [
                "session": .string(session), "offerset": .string(Self.offerset), "phase": .string(phase),
            ]
            body["previous"] = before.last?.body["phase"] ?? "INITIAL"
            event("session.\(site).\(phase.lowercased()).\(session)", session, Int64(before.count) + 1, body)
        }
    }

    mutating func sight(_ processes: [String: Int]) {
        history.sights.append(.init(processes: processes, time: tick()))
    }
}
