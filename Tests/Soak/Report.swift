internal import Wire

/// What a soak found.
package struct Report: Sendable {
    package let seed: UInt64
    package let faults: [String: Int]
    package let misses: Int
    package let history: History
    package let verdicts: [(check: Check, result: Check.Result)]
    package let time: Duration

    /// All that breaks a promise; and what was not looked at at all, since then nothing was shown.
    package var violations: [String] {
        verdicts.flatMap { check, result in
            result.violations.map { "\(check.promise): \($0)" }
                + (result.looked == 0 ? ["\(check.promise): nothing was looked at"] : [])
        }
    }

    /// The report for a person.
    package var lines: [String] {
        var lines = ["", "Faults (seed \(seed), \(time.inSeconds) in all)"]
        lines += faults.sorted { $0.key < $1.key }.map { row($0.key, "\($0.value)") }
        if misses > 0 { lines.append(row("found nothing to break", "\(misses)")) }
        lines += ["", "Checks"]
        for (check, result) in verdicts {
            let count = result.violations.count
            lines.append(
                row(check.promise, "\(result.looked) \(check.unit)")
                    + (count == 0 ? "" : "  \(count) VIOLATION\(count == 1 ? "" : "S")"))
        }
        lines.append("")
        let violations = violations
        lines += violations.prefix(40).map { "violated: \($0.prefix(2_000))" }
        if violations.count > 40 { lines.append("and \(violations.count - 40) more") }
        lines.append(violations.isEmpty ? "no violation" : "\(violations.count) violations")
        return lines
    }

    private func row(_ name: String, _ value: String) -> String {
        "  " + name + String(repeating: " ", count: max(1, 58 - name.count)) + value
    }
}

extension History {
    /// All of it as lines of JSON, in the order of time of what has one: the evidence of a violation.
    var lines: String {
        var lines: [(Timestamp, JSON)] = []
        for command in commands {
            lines.append(
                (
                    command.time,
                    [
                        "command": .string(command.id), "type": .string(command.type), "to": .string(command.to),
                        "user": .string(command.user), "body": command.body,
                    ]
                ))
        }
        for answer in answers {
            lines.append(
                (answer.time, ["answer": .string(answer.command), "type": .string(answer.type), "body": answer.body]))
        }
        for (word, facts) in [("event", events), ("callback", callbacks)] {
            for fact in facts {
                lines.append(
                    (
                        fact.time,
                        .object(compacting: [
                            word: .string(fact.key), "id": .string(fact.id), "subject": .string(fact.subject),
                            "sequence": fact.sequence.map(JSON.int), "correlation": fact.correlation.map(JSON.string),
                            "body": fact.body,
                        ])
                    ))
            }
        }
        for sign in signs {
            lines.append(
                (
                    sign.time,
                    ["site": .string(sign.site), "cores": .int(sign.free.cores), "memory": .int(sign.free.memory)]
                ))
        }
        return lines.sorted { $0.0 < $1.0 }.map { time, json in
            var json = json
            json["time"] = .string(time.description)
            return json.text + "\n"
        }.joined()
    }
}
