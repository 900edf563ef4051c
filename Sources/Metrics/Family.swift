/// One metric with all its label values.
protocol Family: Sendable {
    func write(to page: inout String)
}

/// What a metric is called, and the form of its lines.
struct Title: Sendable {
    let name: String
    let help: String
    let labels: [String]

    func writeHead(_ kind: String, to page: inout String) {
        page += "# HELP \(name) \(Title.escape(help))\n# TYPE \(name) \(kind)\n"
    }

    func writeLine(
        _ values: [String], _ value: String, suffix: String = "", further: (String, String)? = nil,
        to page: inout String
    ) {
        var pairs = zip(labels, values).map { ($0, $1) }
        if let further { pairs.append(further) }
        page += name + suffix
        if !pairs.isEmpty {
            page += "{" + pairs.map { "\($0)=\"\(Title.escapeValue($1))\"" }.joined(separator: ",") + "}"
        }
        page += " \(value)\n"
    }

    private static func escape(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("\n", with: "\\n")
    }

    private static func escapeValue(_ text: String) -> String { escape(text).replacing("\"", with: "\\\"") }

    /// A number as Prometheus writes it.
    static func number(_ value: Double) -> String {
        if value == .infinity { return "+Inf" }
        if value == -.infinity { return "-Inf" }
        if value.isNaN { return "NaN" }
        return value == value.rounded() && value.magnitude < 1e15 ? "\(Int64(value))" : "\(value)"
    }
}
