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
}

/// Writes lines for an operator: time, level, who, what. Bodies and tokens never go into it.
public struct Log: Sendable {
    private let name: String
    private let least: LogLevel
    private let write: @Sendable (String) -> Void

    /// - Parameters:
    ///   - name: whose log it is, such as `cavern.ral`.
    ///   - least: what matters less than this is left out.
    ///   - write: takes each line; standard error where it is not given.
    public init(name: String, least: LogLevel = .info, write: (@Sendable (String) -> Void)? = nil) {
        self.name = name
        self.least = least
        self.write =
            write ?? { line in
                let bytes = Array((line + "\n").utf8)
                _ = Glibc.write(STDERR_FILENO, bytes, bytes.count)
            }
    }

    /// Writes one line.
    public func callAsFunction(_ level: LogLevel, _ text: @autoclosure () -> String) {
        guard level >= least else { return }
        write("\(Timestamp.now()) \(level.rawValue) \(name) \(text())")
    }

    /// A log that nobody reads.
    public static let silent = Log(name: "", least: .error, write: { _ in })
}
