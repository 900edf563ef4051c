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
        let (days, time) = microseconds.quotientAndRemainder(flooringBy: 86_400_000_000)
        let (seconds, fraction) = time.quotientAndRemainder(dividingBy: 1_000_000)
        let date = CivilDate(daysSinceEpoch: days)
        let sign = date.year < 0 ? "-" : ""
        var text = "\(sign)\(padded(abs(date.year), 4))-\(padded(date.month, 2))-\(padded(date.day, 2))"
        text += "T\(padded(seconds / 3_600, 2)):\(padded(seconds / 60 % 60, 2)):\(padded(seconds % 60, 2))"
        if fraction > 0 { text += "." + (fraction % 1_000 == 0 ? padded(fraction / 1_000, 3) : padded(fraction, 6)) }
        return text + "Z"
    }

    /// Reads RFC 3339 (section 5.6), exactly: date, time with or without a fraction, `Z` or an offset. What is finer than a
    /// microsecond is cut off; a leap second reads as the second after it. nil for everything else, such as 30 February.
    public init?(_ text: String) {
        var scanner = Scanner(text)
        guard let year = scanner.number(4), scanner.take("-"), let month = scanner.number(2), scanner.take("-"),
            let day = scanner.number(2), scanner.take("T") || scanner.take("t"), let hour = scanner.number(2),
            scanner.take(":"), let minute = scanner.number(2), scanner.take(":"), let second = scanner.number(2),
            let fraction = scanner.fraction(), let offset = scanner.offset(), scanner.isAtEnd,
            let date = CivilDate(year: year, month: month, day: day), hour < 24, minute < 60, second <= 60
        else { return nil }
        let minutes = date.daysSinceEpoch * 1_440 + hour * 60 + minute - offset
        if second == 60 {
            // Leap seconds end a month, in UTC.
            let (days, minuteOfDay) = minutes.quotientAndRemainder(flooringBy: 1_440)
            guard minuteOfDay == 1_439, CivilDate(daysSinceEpoch: days + 1).day == 1 else { return nil }
        }
        microseconds = (minutes * 60 + second) * 1_000_000 + fraction
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

/// Reads the parts of an RFC 3339 instant from the front of a text.
private struct Scanner {
    private var rest: Substring.UTF8View

    init(_ text: String) { rest = Substring(text).utf8 }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard rest.first == UInt8(ascii: character) else { return false }
        rest.removeFirst()
        return true
    }

    /// A number of exactly so many digits.
    mutating func number(_ count: Int) -> Int64? {
        var value: Int64 = 0
        for _ in 0..<count {
            guard let digit = digit() else { return nil }
            value = value * 10 + digit
        }
        return value
    }

    /// The fraction of a second in microseconds; 0 where there is none, nil where the point has no digit behind it.
    mutating func fraction() -> Int64? {
        guard take(".") else { return 0 }
        guard let first = digit() else { return nil }
        var (value, unit) = (first * 100_000, Int64(10_000))
        while let next = digit() {
            value += next * unit
            unit /= 10
        }
        return value
    }

    /// How many minutes the text is ahead of UTC.
    mutating func offset() -> Int64? {
        if take("Z") || take("z") { return 0 }
        let sign: Int64
        if take("+") { sign = 1 } else if take("-") { sign = -1 } else { return nil }
        guard let hours = number(2), take(":"), let minutes = number(2), hours < 24, minutes < 60 else { return nil }
        return sign * (hours * 60 + minutes)
    }

    private mutating func digit() -> Int64? {
        guard let byte = rest.first, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
        rest.removeFirst()
        return Int64(byte - UInt8(ascii: "0"))
    }
}

private func padded(_ value: Int64, _ width: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
}
