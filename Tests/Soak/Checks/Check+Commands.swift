internal import ExecutionModel
internal import Wire

extension Check {
    static let outcomes = Check("every command has exactly one outcome", "commands") { account, result in
        for command in account.history.commands {
            let outcomes = account.outcomes[command.id] ?? []
            let name = "\(command.type) \(command.id) to \(command.to)"
            result.look(!outcomes.isEmpty, "\(name): no outcome; \(Self.answers(to: command, account))")
            let different = Set(outcomes.map { "\($0.type) \($0.body.text)" })
            result.demand(different.count < 2, "\(name): \(different.count) outcomes: \(different.sorted())")
        }
    }

    static let effects = Check("an outcome tells what was done, once", "effects") { account, result in
        Self.judgePhases(account, &result)
        Self.judgeWorksteps(account, &result)
        Self.judgeOffersets(account, &result)
    }

    private static func answers(to command: History.Command, _ account: Account) -> String {
        let answers = account.history.answers.filter { $0.command == command.id }
        return "\(answers.count) answers" + (answers.last.map { ", the last: \($0.body.text)" } ?? "")
    }

    /// Who was told that a phase is set finds it once in the session's events; who was refused finds it never.
    private static func judgePhases(_ account: Account, _ result: inout Result) {
        for phase in [Phase.accepted, .rejected, .cancelled, .releasing] {
            let commands = account.commands(setting: phase)
            let told = Set(commands.filter { account.success(of: $0.command) != nil }.map(\.session))
            for session in Set(commands.map(\.session)) {
                let count = account.sessions[session]?.filter { $0.phase == phase }.count ?? 0
                // What was refused may have happened otherwise: a sibling is rejected, a time is over.
                guard told.contains(session) || phase == .accepted else { continue }
                result.look(
                    count == (told.contains(session) ? 1 : 0),
                    "\(session) was \(told.contains(session) ? "" : "never ")set to \(phase), "
                        + "and its events have that \(count) times: \(account.way(session))")
            }
            guard phase != .rejected, phase != .releasing else { continue }
            for (session, steps) in account.sessions where steps.contains(where: { $0.phase == phase }) {
                result.look(told.contains(session), "\(session) is \(phase), and nobody was told that it is")
            }
        }
    }

    private static func judgeWorksteps(_ account: Account, _ result: inout Result) {
        let created = account.events("workstep.global.created.")
        let edited = account.events("workstep.global.edited.")
        var expected: [String: Set<Int64>] = [:]
        for command in account.history.commands {
            guard let body = account.success(of: command), let uuid = body["uuid"]?.string else { continue }
            switch command.type {
            case "srcnet.workstep.create.v1":
                result.look(created[uuid]?.count == 1, "\(uuid) was created, with \(created[uuid]?.count ?? 0) events")
                expected[uuid] = expected[uuid] ?? []
            case "srcnet.workstep.edit.v1":
                let revision = body["revision"]?.int ?? 0
                result.look(
                    expected[uuid, default: []].insert(revision).inserted,
                    "\(uuid): two edits were told that they made revision \(revision)")
            default: break
            }
        }
        for uuid in created.keys {
            result.look(expected[uuid] != nil, "the workstep \(uuid) was created, and nobody was told")
        }
        for (uuid, revisions) in expected {
            let wanted = Set((0..<revisions.count).map { Int64($0) + 2 })
            result.look(revisions == wanted, "\(uuid): \(revisions.count) edits made revisions \(revisions.sorted())")
            let count = edited[uuid]?.count ?? 0
            result.look(count == revisions.count, "\(uuid): \(revisions.count) edits were done, and \(count) told")
        }
    }

    private static func judgeOffersets(_ account: Account, _ result: inout Result) {
        let created = account.events("offerset.global.created.")
        let completed = account.events("offerset.global.completed.")
        var told: [String: Int] = [:]
        for command in account.history.commands {
            guard ["srcnet.workstep.submit.v1", "srcnet.workstep.execute.v1"].contains(command.type),
                let uuid = account.success(of: command)?["meta"]?["uuid"]?.string
            else { continue }
            told[uuid, default: 0] += 1
        }
        for uuid in Set(told.keys).union(created.keys) {
            result.look(told[uuid] == 1, "the offerset \(uuid) is the outcome of \(told[uuid] ?? 0) commands")
            result.look(
                created[uuid]?.count == 1 && completed[uuid]?.count == 1,
                "the offerset \(uuid): \(created[uuid]?.count ?? 0) events of its beginning, "
                    + "\(completed[uuid]?.count ?? 0) of its end")
        }
    }
}
