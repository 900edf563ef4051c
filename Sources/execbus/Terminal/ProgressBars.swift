/// Bars that move together, one for each thing that makes progress; plain lines where nobody watches.
struct ProgressBars {
    struct Bar {
        let name: String
        var done: Int64 = 0
        var total: Int64?
        var status = "waiting"
        var note = ""
    }

    private(set) var bars: [Bar]
    private var drawn = 0

    init(_ names: [String]) { bars = names.map { Bar(name: $0) } }

    /// Changes a bar and draws all of them anew.
    mutating func update(_ name: String, _ change: (inout Bar) -> Void) {
        guard let index = bars.firstIndex(where: { $0.name == name }) else { return }
        let before = bars[index].status
        change(&bars[index])
        if Terminal.isInteractive {
            draw()
        } else if bars[index].status != before {
            Terminal.line("  \(render(bars[index]))")
        }
    }

    mutating func draw() {
        guard Terminal.isInteractive else { return }
        // What has not begun may have no part in it: a session without data has nothing for prepare-data to do.
        let begun = bars.filter { $0.status != "waiting" }
        let back = drawn > 0 ? "\u{1B}[\(drawn)A" : ""
        Terminal.write(back + begun.map { "\u{1B}[2K  \(render($0))\n" }.joined())
        drawn = begun.count
    }

    private func render(_ bar: Bar) -> String {
        let width = 30
        let share =
            bar.status == "completed" ? 1 : bar.total.map { $0 > 0 ? min(1, Double(bar.done) / Double($0)) : 0 } ?? 0
        let filled = Int((share * Double(width)).rounded())
        let line = String(repeating: "█", count: filled) + Style.faint(String(repeating: "░", count: width - filled))
        let name = bar.name + String(repeating: " ", count: max(0, 13 - bar.name.count))
        let status =
            switch bar.status {
            case "completed": Style.green("done")
            case "failed": Style.red("failed")
            default: "\(Int(share * 100)) %"
            }
        return "\(name) \(line) \(status)\(bar.note.isEmpty ? "" : "  " + Style.faint(bar.note))"
    }
}
