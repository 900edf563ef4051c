public import Wire

/// When and how long its sender wants a session (`schedule.requested`).
public struct RequestedSchedule: Sendable, Hashable {
    public var duration: Duration
    /// When it may begin; nil is as soon as possible.
    public var window: StartWindow?

    /// What is taken where no duration is given (the standard's).
    public static let defaultDuration = Duration.seconds(7_200)

    public init(duration: Duration = defaultDuration, window: StartWindow? = nil) {
        self.duration = duration
        self.window = window
    }

    static func read(_ reader: JSONReader) -> RequestedSchedule {
        let duration = reader.duration("duration")
        if let duration, duration <= .zero { reader.fault("duration", "must be more than nothing") }
        var window: StartWindow?
        if let text = reader.text("start") {
            window = StartWindow(text)
            if window == nil {
                reader.fault("start", "must be an interval of ISO 8601: start/end or start/duration, not empty")
            }
        }
        return RequestedSchedule(duration: duration ?? defaultDuration, window: window)
    }

    /// `{duration, start}`.
    public var json: JSON {
        .object(compacting: [
            "duration": .string(ISODuration.format(duration)), "start": window.map { .string($0.description) },
        ])
    }
}

/// When a session may begin, both ends included.
public struct StartWindow: Sendable, Hashable, Codable, CustomStringConvertible {
    public var from: Timestamp
    public var until: Timestamp

    public init(from: Timestamp, until: Timestamp) {
        self.from = from
        self.until = max(from, until)
    }

    /// Reads `start/end` or `start/duration` (ISO 8601); nil for everything else, also for an end before the start.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let from = Timestamp(String(parts[0])) else { return nil }
        let second = String(parts[1])
        guard let until = Timestamp(second) ?? ISODuration.parse(second).map({ from + $0 }), until >= from else {
            return nil
        }
        self.init(from: from, until: until)
    }

    public var description: String { "\(from)/\(until)" }
}
