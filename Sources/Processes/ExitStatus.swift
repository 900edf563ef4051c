/// How a process ended.
package enum ExitStatus: Sendable, Hashable, CustomStringConvertible {
    /// It ended by itself with this exit code.
    case exited(Int32)
    /// A signal ended it.
    case signalled(Int32)

    /// Whether it ended by itself with the exit code 0.
    package var isSuccess: Bool { self == .exited(0) }

    package var description: String {
        switch self {
        case .exited(let code): "exit code \(code)"
        case .signalled(let number): "signal \(number)"
        }
    }
}
