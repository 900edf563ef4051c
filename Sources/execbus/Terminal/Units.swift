internal import Wire

/// Sizes, times and durations as people read them.
enum Units {
    /// `2.4 MB`
    static func bytes(_ count: Int64) -> String {
        var value = Double(count)
        for unit in ["B", "kB", "MB", "GB", "TB"] {
            if value < 1000 || unit == "TB" { return unit == "B" ? "\(count) B" : "\(fixed(value, 1)) \(unit)" }
            value /= 1000
        }
        return "\(count) B"
    }

    /// `1 h 30 min`, `5 min 40 s`, `12 s`, `3.4 s`, `40 ms`
    static func duration(_ duration: Duration) -> String {
        let seconds = duration.seconds
        if seconds < 0 { return "-" + Self.duration(.zero - duration) }
        if seconds < 1 { return "\(Int((seconds * 1000).rounded())) ms" }
        if seconds < 60 { return "\(fixed(seconds, seconds < 10 ? 1 : 0)) s" }
        let whole = Int(seconds.rounded())
        if whole < 600, whole % 60 != 0 { return "\(whole / 60) min \(whole % 60) s" }
        let minutes = Int((seconds / 60).rounded())
        if minutes < 60 { return "\(minutes) min" }
        return minutes % 60 == 0 ? "\(minutes / 60) h" : "\(minutes / 60) h \(minutes % 60) min"
    }

    /// `2026-11-24 10:02:00Z`
    static func time(_ time: Timestamp) -> String {
        time.description.prefix(19).replacing("T", with: " ") + "Z"
    }

    /// `in 25 s (2026-11-24 10:02:00Z)`, `3.0 s ago (…)`
    static func moment(_ moment: Timestamp, from now: Timestamp) -> String {
        let words = moment < now ? duration(now - moment) + " ago" : "in " + duration(moment - now)
        return "\(words) (\(time(moment)))"
    }

    static func fixed(_ value: Double, _ digits: Int) -> String {
        let scale = digits == 0 ? 1.0 : digits == 1 ? 10.0 : 100.0
        let rounded = (value * scale).rounded() / scale
        return digits == 0 ? String(Int(rounded)) : String(rounded)
    }
}
