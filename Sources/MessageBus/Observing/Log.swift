internal import Glibc
internal import Wire

/// How much a line of the log matters.
public enum LogLevel: String, Sendable, Comparable {
    case debug, info, warning, error

    private var rank: Int {
        switch self {
        case .debug: 0
        case .info: 1
        case .warning: 2
        case .error: 3
        }
    }

    public static func < (left: LogLevel, right: LogLevel) -> Bool { left.rank < right.rank }
}

/// A line for the log that a decision left.
struct LogNote: Sendable {
    let level: LogLevel
    let text: String
    var about: LogSubject?
}

/// Which message a line of the log is about.
public struct LogSubject: Sendable {
    public let message: String?
    public let correlation: String?
    public let trace: String?
}

/// How lines of the log are written.
public enum LogFormat: String, Sendable, CaseIterable {
    /// For people: time, level, who, what, and `message=… correlation=… trace=…` where a message was the cause.
    case text
    /// For machines: a JSON object in each line.
    case json
}

/// Writes lines for an operator: time, level, who, what. Bodies and tokens never go into it.
public struct Log: Sendable {
    private let name: String
    private let least: LogLevel
    private let format: LogFormat
    private let write: @Sendable (String) -> Void

    /// - Parameters:
    ///   - name: whose log it is, such as `cavern.ral`.
    ///   - least: what matters less than this is left out.
    ///   - write: takes each line; standard error where it is not given.
    public init(
        name: String, least: LogLevel = .info, format: LogFormat = .text, write: (@Sendable (String) -> Void)? = nil
    ) {
        self.name = name
        self.least = least
        self.format = format
        self.write =
            write ?? { line in
                let bytes = Array((line + "\n").utf8)
                _ = Glibc.write(STDERR_FILENO, bytes, bytes.count)
            }
    }

    /// Writes one line.
    public func callAsFunction(_ level: LogLevel, _ text: @autoclosure () -> String, about: LogSubject? = nil) {
        guard level >= least else { return }
        let ids = [("message", about?.message), ("correlation", about?.correlation), ("trace", about?.trace)]
        switch format {
        case .text:
            // What strangers chose may hold line feeds and anything else: as JSON it is one word.
            let tail = ids.compactMap { key, id in id.map { " \(key)=\(Self.word($0))" } }.joined()
            write("\(Timestamp.now()) \(level.rawValue) \(name) \(text())\(tail)")
        case .json:
            var line: [String: JSON] = [
                "time": .string(Timestamp.now().description), "level": .string(level.rawValue), "who": .string(name),
                "text": .string(text()),
            ]
            for (key, id) in ids { line[key] = id.map(JSON.string) }
            write(JSON.object(line).text)
        }
    }

    private static func word(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") }
        return isPlain ? text : JSON.string(text).text
    }

    /// A log that nobody reads.
    public static let silent = Log(name: "", least: .error, write: { _ in })
}
