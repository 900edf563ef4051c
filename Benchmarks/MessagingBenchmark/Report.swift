internal import Wire

/// The figures as a person reads them, and as a script does.
struct Report {
    private static let ours = "ExecutionBus"
    private let figures: Figures

    init(_ figures: Figures) { self.figures = figures }

    /// Ours divided by a peer's.
    private func ratio(_ measure: Measure, to peer: String) -> Double? {
        guard peer != Self.ours, let mine = figures[measure, Self.ours]?.main.median,
            let theirs = figures[measure, peer]?.main.median, theirs > 0
        else { return nil }
        return mine / theirs
    }

    var json: JSON {
        let measures = figures.measures.map { measure -> JSON in
            let programs = figures.peers.compactMap { peer -> JSON? in
                guard let series = figures[measure, peer] else { return nil }
                var line: JSON = [
                    "program": .string(peer), "median": .double(series.main.median), "runs": list(series.main),
                ]
                if !series.high.isEmpty { line["p99"] = .double(series.high.median) }
                if !series.cpu.isEmpty { line["cpu_us_per_message"] = .double(series.cpu.median) }
                if let ratio = ratio(measure, to: peer) {
                    line["ratio"] = .double(ratio)
                    if let target = measure.targets[peer] {
                        line["target"] = target.json
                        line["met"] = .bool(target.isMet(by: ratio))
                    }
                }
                return line
            }
            return [
                "measure": .string(measure.rawValue), "title": .string(measure.title),
                "unit": measure == .ask ? "us" : "messages/s", "programs": .array(programs),
            ]
        }
        return [
            "rabbitmq": .string(figures.rabbitMQ), "load_before": .string(figures.load ?? ""),
            "rounds": .int(Int64(figures.rounds)), "body_bytes": 1024,
            "measures": .array(measures),
        ]
    }

    private func list(_ values: [Double]) -> JSON { .array(values.map { .double($0) }) }

    var table: String {
        var lines = [
            "RabbitMQ \(figures.rabbitMQ), bodies of 1 KiB, median of \(figures.rounds) rounds (lowest to highest)",
            "the machine's load before was \(figures.load ?? "not known")",
        ]
        for measure in figures.measures {
            lines += ["", measure.title]
            for peer in figures.peers {
                guard let series = figures[measure, peer] else { continue }
                lines.append("  " + row(measure, peer, series))
            }
        }
        return lines.joined(separator: "\n")
    }

    private func row(_ measure: Measure, _ peer: String, _ series: Figures.Series) -> String {
        let unit = measure == .ask ? "us" : "/s"
        var cells = [
            padded(peer, 13),
            padded("\(whole(series.main.median)) \(unit)", 12, toRight: true),
            padded("(\(whole(series.main.min() ?? 0)) to \(whole(series.main.max() ?? 0)))", 22),
        ]
        if !series.high.isEmpty { cells.append(padded("p99 \(whole(series.high.median)) us", 14)) }
        if !series.cpu.isEmpty { cells.append(padded("\(tenth(series.cpu.median)) us CPU each", 20)) }
        if let ratio = ratio(measure, to: peer) {
            cells.append("ours is \(hundredth(ratio)) of it")
            if let target = measure.targets[peer] {
                cells.append("(wanted \(target.text): \(target.isMet(by: ratio) ? "met" : "missed"))")
            }
        }
        var line = cells.joined(separator: " ")
        while line.last == " " { line.removeLast() }
        return line
    }

    private func whole(_ value: Double) -> String { value.isFinite ? "\(Int(value.rounded()))" : "-" }
    private func tenth(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }
    private func hundredth(_ value: Double) -> String { "\((value * 100).rounded() / 100)" }

    private func padded(_ text: String, _ width: Int, toRight: Bool = false) -> String {
        let space = String(repeating: " ", count: max(0, width - text.count))
        return toRight ? space + text : text + space
    }
}
