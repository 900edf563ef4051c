/// Where a message stands in a trace: the header `traceparent` (W3C Trace Context, section 3.2).
public struct TraceContext: Sendable, Hashable {
    /// 32 hexadecimal digits, the same for everything that one request leads to.
    public let trace: String
    /// 16 hexadecimal digits: the span that sent the message.
    public let span: String
    /// The sampling flag and its neighbours, two hexadecimal digits, passed on as they came.
    public let flags: String

    /// The beginning of a trace of its own.
    public init() {
        trace = Self.random(of: 16)
        span = Self.random(of: 8)
        flags = "01"
    }

    /// Reads the header; nil where it is none that the recommendation allows.
    public init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count >= 4, parts[0].count == 2, parts[0] != "ff", parts[1].count == 32, parts[2].count == 16,
            parts[3].count == 2, parts[0] != "00" || parts.count == 4,
            parts.prefix(4).allSatisfy({ $0.utf8.allSatisfy(Self.isDigit) }),
            parts[1].contains(where: { $0 != "0" }), parts[2].contains(where: { $0 != "0" })
        else { return nil }
        self.init(trace: String(parts[1]), span: String(parts[2]), flags: String(parts[3]))
    }

    private init(trace: String, span: String, flags: String) {
        self.trace = trace
        self.span = span
        self.flags = flags
    }

    /// A span of the same trace that this one led to.
    public func child() -> TraceContext {
        TraceContext(trace: trace, span: Self.random(of: 8), flags: flags)
    }

    /// As it is sent on.
    public var header: String { "00-\(trace)-\(span)-\(flags)" }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }

    private static func random(of bytes: Int) -> String {
        var text = ""
        for _ in 0..<bytes / 8 {
            let digits = String(UInt64.random(in: 1 ... .max), radix: 16)
            text += String(repeating: "0", count: 16 - digits.count) + digits
        }
        return text
    }
}
