internal import ExecutionModel
internal import Wire

extension Check {
    /// The session's own program and its one child: a third process is a second session.
    private static let processesOfOne = 2

    static let lives = Check("no session is lost, none is there twice", "sessions") { account, result in
        for (session, steps) in account.sessions {
            let way = account.way(session)
            result.look(steps.first?.phase == .offered, "\(session) does not begin with its offer: \(way)")
            result.demand(steps.last?.phase.isTerminal == true, "\(session) has no end: \(way)")
            guard steps.contains(where: { $0.phase == .accepted }), let last = steps.last, last.phase.isTerminal else {
                continue
            }
            // Nothing that was asked for can fail.
            result.demand([.completed, .cancelled].contains(last.phase), "\(session) is lost: \(way)")
            if last.phase == .completed {
                result.demand(
                    steps.contains { $0.phase == .available }, "\(session) ended without having been usable: \(way)")
            }
        }
        for (session, offer) in account.offers {
            result.demand(
                account.sessions[session] != nil, "\(session) was offered at \(offer.site), and no event tells of it")
        }
        for sight in account.history.sights {
            for (session, count) in sight.processes {
                result.demand(
                    count <= processesOfOne, "\(session) has \(count) processes at \(sight.time): it runs twice")
            }
        }
        for link in account.history.unreachable { result.demand(false, link) }
    }

    static let phases = Check("phases only go forward", "phases") { account, result in
        for (session, steps) in account.sessions {
            for (before, after) in zip(steps, steps.dropFirst()) {
                result.look(before.phase < after.phase, "\(session) goes back: \(account.way(session))")
                result.demand(
                    after.previous == before.phase.rawValue,
                    "\(session): \(after.phase) says that it follows \(after.previous ?? "nothing"), "
                        + "and comes after \(before.phase)")
            }
        }
    }

    static let siblings = Check("no two offers of a set are accepted", "offersets") { account, result in
        let accepted = account.sessions.filter { $0.value.contains { $0.phase == .accepted } }.keys
        let winners = Dictionary(grouping: accepted) { account.offersets[$0] ?? "" }
        let all = Set(account.offersets.values)
        for offerset in all {
            let count = winners[offerset]?.count ?? 0
            result.look(count < 2, "\(count) offers of \(offerset) were accepted: \(winners[offerset] ?? [])")
        }
    }

    static let capacity = Check("a site never gives more than it has", "moments") { account, result in
        for sign in account.history.signs {
            guard let total = account.history.sites[sign.site] else { continue }
            result.look(
                sign.free.fits(total) && sign.free.cores >= 0 && sign.free.memory >= 0,
                "\(sign.site) says that \(sign.free) of \(total) are free, at \(sign.time)")
        }
        for sight in account.history.sights {
            Self.weigh(Array(sight.processes.keys), at: sight.time, "run", account, &result)
        }
        // The same as clients were told it: usable from one event to the last.
        var changes: [(time: Timestamp, session: String, begins: Bool)] = []
        for (session, steps) in account.sessions {
            guard let begin = steps.first(where: { $0.phase.isUsable }) else { continue }
            let end = steps.first { $0.phase > .running }
            // Decided on together, in one transaction: nobody could use it.
            if let end, end.time <= begin.time { continue }
            changes.append((begin.time, session, true))
            if let end { changes.append((end.time, session, false)) }
        }
        var usable: Set<String> = []
        // At one instant what ends makes room for what begins.
        for change in changes.sorted(by: { ($0.time, $0.begins ? 1 : 0) < ($1.time, $1.begins ? 1 : 0) }) {
            if change.begins {
                usable.insert(change.session)
                Self.weigh(Array(usable), at: change.time, "are usable", account, &result)
            } else {
                usable.remove(change.session)
            }
        }
    }

    /// Whether sessions that are there at the same time fit into what their sites have.
    private static func weigh(
        _ sessions: [String], at time: Timestamp, _ verb: String, _ account: Account, _ result: inout Result
    ) {
        var sums: [String: History.Amount] = [:]
        for offer in sessions.compactMap({ account.offers[$0] }) {
            sums[offer.site] = (sums[offer.site] ?? .init(cores: 0, memory: 0)) + offer.amount
        }
        for (site, sum) in sums {
            guard let total = account.history.sites[site] else { continue }
            result.look(
                sum.fits(total), "sessions that \(verb) at \(site) have \(sum) of \(total), at \(time): \(sessions)")
        }
    }
}
