/// Durations as ISO 8601 writes them: `PT1H30M`, `P1DT12H`, `PT0.5S`.
///
/// Years and months have no fixed length and are refused.
public enum ISODuration {
    /// Reads a duration, or nil where the text is none.
    public static func parse(_ text: String) -> Duration? {
        guard text.utf8.first == UInt8(ascii: "P") else { return nil }
        var rest = text.dropFirst()
        var inTime = false
        var seen = ""
        var total = Duration.zero
        while let first = rest.first {
            if first == "T" {
                guard !inTime else { return nil }
                inTime = true
                rest = rest.dropFirst()
                guard !rest.isEmpty else { return nil }
                continue
            }
            // ISO 8601 writes the decimal sign as a comma or a point.
            let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == "." || $0 == ",") }
            let number = String(digits.map { $0 == "," ? "." : $0 })
            guard let value = Double(number), value.isFinite, number.count <= 15, number.first != ".",
                number.last != "."
            else { return nil }
            rest = rest[digits.endIndex...]
            guard let unit = rest.first else { return nil }
            rest = rest.dropFirst()
            let seconds: Double
            switch (inTime, unit) {
            case (false, "W"): seconds = 604_800
            case (false, "D"): seconds = 86_400
            case (true, "H"): seconds = 3_600
            case (true, "M"): seconds = 60
            case (true, "S"): seconds = 1
            default: return nil
            }
            let order = "WDHMS"
            if let last = seen.last, let before = order.firstIndex(of: last), let here = order.firstIndex(of: unit),
                here <= before
            {
                return nil
            }
            seen.append(unit)
            guard value * seconds < 3.2e9 else { return nil }
            total += .microseconds(Int64((value * seconds * 1_000_000).rounded()))
        }
        return seen.isEmpty ? nil : total
    }

    /// Writes a duration of zero or more, to the microsecond.
    public static func format(_ duration: Duration) -> String {
        let microseconds = max(0, duration.microseconds)
        let whole = microseconds / 1_000_000
        let fraction = microseconds % 1_000_000
        let (days, hours, minutes, seconds) = (whole / 86_400, whole / 3_600 % 24, whole / 60 % 60, whole % 60)
        var time = ""
        if hours > 0 { time += "\(hours)H" }
        if minutes > 0 { time += "\(minutes)M" }
        if seconds > 0 || fraction > 0 {
            var digits = String(String(1_000_000 + fraction).dropFirst())
            while digits.last == "0" { digits.removeLast() }
            time += "\(seconds)" + (digits.isEmpty ? "" : ".\(digits)") + "S"
        }
        if days == 0, time.isEmpty { return "PT0S" }
        return "P" + (days > 0 ? "\(days)D" : "") + (time.isEmpty ? "" : "T" + time)
    }
}
