internal import ExecutionModel
internal import Wire

/// A user's sessions as a person looks through them.
struct SessionTable {
    /// How many of those that have ended are shown where not all are asked for.
    static let endedShown = 20

    /// As `sorted` gives them.
    let sessions: [JSON]
    /// Whether all that have ended are shown.
    let isWhole: Bool
    let now: Timestamp

    /// Those that live, then what is offered, then what has ended; the newest of each first.
    static func sorted(_ sessions: [JSON]) -> [JSON] {
        sessions.map { (rank: rank(of: $0), time: $0["time"]?.string ?? "", session: $0) }
            .sorted { $0.rank == $1.rank ? $0.time > $1.time : $0.rank < $1.rank }
            .map(\.session)
    }

    var text: String {
        guard !sessions.isEmpty else { return "no sessions" }
        let ended = sessions.count { Self.rank(of: $0) == Self.endedRank }
        let hidden = isWhole ? 0 : max(0, ended - Self.endedShown)
        var table = Table(headings: ["session", "site", "phase", "since", "", "reason"])
        table.rows = sessions.dropLast(hidden).map { session in
            let since = session["time"]?.string.flatMap(Timestamp.init)
            return [
                session["session"]?.string ?? "", session["site"]?.string ?? "",
                Self.coloured(session["phase"]?.string ?? ""), since.map(Units.time) ?? "",
                since.map { Style.faint(Units.duration(max(.zero, now - $0)) + " ago") } ?? "",
                session["reason"]?.string ?? "",
            ]
        }
        return table.text + (hidden > 0 ? "\n\(hidden) more that ended before; --all shows them" : "")
    }

    private static let endedRank = 2

    private static func rank(of session: JSON) -> Int {
        guard let phase = session["phase"]?.string.flatMap(Phase.init) else { return endedRank }
        return phase.isTerminal ? endedRank : phase.isUnderWay ? 0 : 1
    }

    /// A phase in the colour that says whether to be glad of it.
    static func coloured(_ phase: String) -> String {
        switch phase {
        case "AVAILABLE", "RUNNING", "COMPLETED": Style.green(phase)
        case "FAILED", "EXPIRED", "REJECTED": Style.red(phase)
        case "OFFERED", "ACCEPTED", "PREPARING", "WAITING", "RELEASING": Style.yellow(phase)
        default: phase
        }
    }
}
