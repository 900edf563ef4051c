internal import ExecutionModel
internal import Wire

extension Check {
    static let callbacks = Check("every registered callback is delivered, in order", "callbacks") { account, result in
        let came = Dictionary(grouping: Account.once(account.history.callbacks)) { $0.correlation ?? "" }
        for (command, session) in account.commands(setting: .accepted) {
            guard account.success(of: command) != nil, let callback = command.body["callback"] else { continue }
            let steps = account.sessions[session] ?? []
            let expected = Self.told(steps.drop { $0.phase < .accepted }, callback["criteria"])
            let found = (came[command.id] ?? []).map { Self.phase(of: $0) }
            result.looked += max(0, expected.count - 1)
            result.look(
                found == expected,
                "\(session) has the phases \(account.way(session)), of which \(callback["criteria"]?.text ?? "any") "
                    + "was registered; delivered were \(found), expected \(expected)")
        }
    }

    /// Of which phases a callback tells (contract.md, Callbacks): a terminal one always, with `once` the first match besides.
    private static func told(_ steps: some Sequence<Account.Step>, _ criteria: JSON?) -> [String] {
        let wanted = criteria?["phases"]?.array.map { $0.compactMap(\.string) }
        let isOnce = criteria?["once"]?.bool ?? false
        var told: [String] = []
        for step in steps {
            let fits = (wanted?.contains(step.phase.rawValue) ?? true) && !(isOnce && !told.isEmpty)
            if fits || step.phase.isTerminal { told.append(step.phase.rawValue) }
        }
        return told
    }

    /// The phase in the body, or in its short form.
    private static func phase(of callback: History.Fact) -> String {
        if let phase = callback.body["phase"]?.string { return phase }
        let words = callback.body["content"]?.string?.split(separator: " ")
        return words?.last.map(String.init) ?? callback.body.text
    }

    static let sequences = Check("numbers have no gaps, and messages keep their order", "messages") { account, result in
        Self.judgeNumbers(account.history.events, &result) { "events about \($0.subject)" }
        Self.judgeNumbers(account.history.callbacks, &result) { "callbacks about \($0.subject) to \($0.key)" }
    }

    /// - Parameter lane: within which messages are numbered.
    private static func judgeNumbers(
        _ facts: [History.Fact], _ result: inout Result, lane: (History.Fact) -> String
    ) {
        for (lane, facts) in Dictionary(grouping: facts, by: lane) {
            let first = Account.once(facts)
            let numbers = first.map { $0.sequence ?? 0 }
            result.looked += facts.count
            let wanted = (0..<numbers.count).map { Int64($0) + 1 }
            if numbers.sorted() != wanted {
                result.violations.append("\(lane) have the numbers \(numbers.sorted())")
            } else if numbers != wanted {
                result.violations.append("\(lane) came in the order \(numbers)")
            }
            let copies = Dictionary(grouping: facts, by: \.id).mapValues { Set($0.map(\.body.text)) }
            for (id, bodies) in copies where bodies.count > 1 {
                result.violations.append("\(lane): copies of \(id) differ: \(bodies.sorted())")
            }
        }
    }

    static let recording = Check("the stream history has every event that was heard", "events") { account, result in
        let heard = Account.once(account.history.events)
        let recorded = Account.once(account.history.recorded)
        let known = Set(recorded.map(\.id))
        for event in heard { result.look(known.contains(event.id), "\(event.key) \(event.id) is not in the history") }
        let told = Set(heard.map(\.id))
        for event in recorded where !told.contains(event.id) {
            result.look(false, "\(event.key) \(event.id) is in the history, and was never heard")
        }
        var ignored = Result()
        Self.judgeNumbers(account.history.recorded, &ignored) { "events about \($0.subject) in the history" }
        result.violations += ignored.violations
    }

    static let ends = Check("workers end as they should, in time", "ends") { account, result in
        // Killed, drained, or not able to start while RabbitMQ is away.
        let allowed: Set = ["signal 9", "exit code 0", "exit code 7"]
        for exit in account.history.exits {
            result.look(allowed.contains(exit.status), "\(exit.worker) ended with \(exit.status)")
        }
        for stop in account.history.stops where !stop.wasFrozen {
            result.look(
                stop.took < (stop.isTwice ? .milliseconds(1_500) : .seconds(10)),
                "\(stop.worker) was told to stop\(stop.isTwice ? " twice" : ""), and took \(stop.took)")
            result.demand(
                account.history.exits.contains { $0.worker == stop.worker && $0.status != "exit code 7" },
                "\(stop.worker) was told to stop, and nobody tells that it ended")
        }
    }

    static let remains = Check("nothing is left behind", "places") { account, result in
        result.looked += account.history.placesLookedAt
        result.violations += account.history.remains
        for (site, total) in account.history.sites {
            let last = account.history.signs.last { $0.site == site }
            result.look(
                last?.free == total,
                "\(site) has \(total), and says at last that \(last.map { "\($0.free)" } ?? "nothing") is free")
        }
    }
}
