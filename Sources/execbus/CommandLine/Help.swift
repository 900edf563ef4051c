extension Command {
    /// The help of the command: how it is called, what it is for, what it takes.
    func help(path: [String]) -> String {
        var lines = [summary, ""]
        let call = path.joined(separator: " ")
        if subcommands.isEmpty {
            let arguments = positionals.map { positional in
                let name = positional.name + (positional.isRepeated ? " …" : "")
                return positional.isOptional ? "[\(name)]" : name
            }
            lines.append(
                "Usage: " + ([call] + arguments + (options.isEmpty ? [] : ["[options]"])).joined(separator: " "))
        } else {
            lines.append("Usage: \(call) COMMAND …")
        }
        if !discussion.isEmpty { lines += ["", discussion] }
        lines += section("Commands", subcommands.map { ($0.name, $0.summary) })
        lines += section("Arguments", positionals.map { ($0.name, $0.help) })
        let shown = options + [.flag("help", "Says this.")]
        lines += section("Options", shown.map { ("--\($0.name)" + ($0.value.map { " \($0)" } ?? ""), $0.help) })
        if !subcommands.isEmpty { lines += ["", "\(call) COMMAND --help tells more of each."] }
        return lines.joined(separator: "\n")
    }

    private func section(_ title: String, _ rows: [(String, String)]) -> [String] {
        guard !rows.isEmpty else { return [] }
        let width = min(28, rows.map(\.0.count).max() ?? 0)
        return ["", "\(title):"]
            + rows.flatMap { row in
                let name = row.0 + String(repeating: " ", count: max(0, width - row.0.count))
                let texts = wrap(row.1, width: 96 - width)
                let indent = String(repeating: " ", count: width + 4)
                let first =
                    row.0.count > width
                    ? ["  \(row.0)", indent + (texts.first ?? "")] : ["  \(name)  \(texts.first ?? "")"]
                return first + texts.dropFirst().map { indent + $0 }
            }
    }

    private func wrap(_ text: String, width: Int) -> [String] {
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ") {
            if !line.isEmpty, line.count + 1 + word.count > width {
                lines.append(line)
                line = ""
            }
            line += (line.isEmpty ? "" : " ") + word
        }
        return lines + [line]
    }
}
