internal import FoundationEssentials
internal import Glibc

/// An instant in UTC with the resolution of a microsecond, written as RFC 3339.
public struct Timestamp: Sendable, Hashable, Comparable, Codable, CustomStringConvertible {
    /// Microseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
    public let microseconds: Int64

    /// The instant so many microseconds after 1970-01-01T00:00:00Z.
    public init(microseconds: Int64) { self.microseconds = microseconds }

    /// What the machine's clock says. Decisions never read it: they are given the time.
    public static func now() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000)
    }

    public static func < (left: Timestamp, right: Timestamp) -> Bool { left.microseconds < right.microseconds }

    public static func + (left: Timestamp, right: Duration) -> Timestamp {
        let (sum, overflow) = left.microseconds.addingReportingOverflow(right.microseconds)
        return Timestamp(microseconds: overflow ? (right > .zero ? .max : .min) : sum)
    }

    public static func - (left: Timestamp, right: Duration) -> Timestamp {
        left + .microseconds(-right.microseconds)
    }

    public static func - (left: Timestamp, right: Timestamp) -> Duration {
        let (difference, overflow) = left.microseconds.subtractingReportingOverflow(right.microseconds)
        return .microseconds(overflow ? (left > right ? Int64.max : Int64.min) : difference)
    }

    /// RFC 3339 in UTC, with a fraction of three or six digits where there is one: `2026-11-24T10:00:02.500Z`.
    public var description: String {
        let style = Date.ISO8601FormatStyle(includingFractionalSeconds: false)
        var seconds = microseconds / 1_000_000
        var fraction = microseconds % 1_000_000
        if fraction < 0 {
            fraction += 1_000_000
            seconds -= 1
        }
        let whole = Date(timeIntervalSince1970: Double(seconds)).formatted(style).dropLast()
        guard fraction > 0 else { return whole + "Z" }
        let digits = String(1_000_000 + fraction).dropFirst()
        return whole + "." + (fraction % 1_000 == 0 ? digits.prefix(3) : digits) + "Z"
    }

    /// Reads RFC 3339 (section 5.6): date, time with or without a fraction, `Z` or an offset.
    public init?(_ text: String) {
        var body = Substring(text)
        var fraction: Int64 = 0
        if let point = body.firstIndex(of: ".") {
            let digits = body[body.index(after: point)...].prefix { $0.isASCII && $0.isNumber }
            guard !digits.isEmpty, let value = Int64((digits.prefix(6) + "00000").prefix(6)) else { return nil }
            fraction = value
            body = body[..<point] + body[digits.endIndex...]
        }
        guard body.utf8.count >= 20,
            let date = try? Date.ISO8601FormatStyle(includingFractionalSeconds: false).parse(String(body))
        else { return nil }
        microseconds = Int64(date.timeIntervalSince1970.rounded()) * 1_000_000 + fraction
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let value = Timestamp(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not an RFC 3339 instant")
        }
        self = value
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

extension Duration {
    /// The duration in whole microseconds, as far as 64 bits reach.
    public var microseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        return overflow ? (seconds > 0 ? .max : .min) : product + attoseconds / 1_000_000_000_000
    }

    /// The duration in seconds, for arithmetic with rates.
    public var seconds: Double { Double(microseconds) / 1_000_000 }
}
