internal import Wire

/// An offerset as a person chooses from it.
struct OfferTable {
    let offerset: JSON
    let now: Timestamp

    var offers: [JSON] { offerset["offers"]?.array ?? [] }

    var text: String {
        var lines: [String] = []
        var table = Table(
            headings: ["#", "site", "ready", "length", "cores", "memory", "data", "preparation", "expires", "offer"],
            right: [0, 4, 5])
        for (index, offer) in offers.enumerated() {
            let schedule = OfferedSchedule(of: offer)
            let expires = offer["expires"]?.string.flatMap(Timestamp.init)
            table.rows.append([
                String(index + 1), Style.bold(offer["site"]?.string ?? "?"),
                schedule.start.map {
                    $0 - now < .seconds(1) ? Style.green("now") : "in " + Units.duration($0 - now)
                } ?? "?",
                schedule.length.map(Units.duration) ?? "?", cell(offer["compute"]?["cores"]),
                cell(offer["compute"]?["memory"]) + " GiB", locality(offer),
                schedule.preparation.map(Units.duration) ?? "?", expires.map { "in " + Units.duration($0 - now) } ?? "",
                Style.faint(offer["meta"]?["uuid"]?.string ?? "?"),
            ])
        }
        if !offers.isEmpty { lines.append(table.text) }
        for refusal in offerset["sites"]?["refused"]?.array ?? [] {
            let reasons = (refusal["messages"]?.array ?? []).compactMap { $0["message"]?.string }
            lines.append(
                "\(Style.yellow("no offer")) from \(refusal["site"]?.string ?? "?"): \(reasons.joined(separator: "; "))"
            )
        }
        let silent = (offerset["sites"]?["silent"]?.array ?? []).compactMap(\.string)
        if !silent.isEmpty { lines.append("\(Style.yellow("silent")): \(silent.joined(separator: ", "))") }
        if offers.isEmpty, lines.isEmpty { lines.append("no site was there to be asked") }
        return lines.joined(separator: "\n")
    }

    private func cell(_ range: JSON?) -> String { (range?["min"]?.int).map(String.init) ?? "?" }

    /// Where the data lies, as seen from the site of the offer.
    private func locality(_ offer: JSON) -> String {
        let access = (offer["data"]?.array ?? []).compactMap { $0["access"] }
        if access.isEmpty { return "–" }
        let remote = access.filter { $0["local"]?.bool != true }
        if remote.isEmpty { return Style.green("local") }
        let bytes = remote.reduce(Int64(0)) { $0 &+ ($1["bytes"]?.int ?? 0) }
        return Style.yellow("remote, \(Units.bytes(bytes))")
    }
}
