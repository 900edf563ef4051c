internal import Glibc

/// Why a process could not be started, or did not do what it was started for.
package struct ProcessError: Error, Sendable, CustomStringConvertible {
    /// What kind of fault it is; tests and callers look at this, people at `message`.
    package struct Code: Sendable, Hashable {
        private enum Kind { case notFound, invalid, system, deadlineExceeded, failed, cancelled }
        private let kind: Kind

        /// There is no such program.
        package static let notFound = Code(kind: .notFound)
        /// An argument, a variable of the environment or a path holds a zero byte.
        package static let invalid = Code(kind: .invalid)
        /// The operating system refused; the message says what and why.
        package static let system = Code(kind: .system)
        /// It did not end in time and was killed.
        package static let deadlineExceeded = Code(kind: .deadlineExceeded)
        /// It ended with another exit code than 0, or by a signal.
        package static let failed = Code(kind: .failed)
        /// The task that waited for it was cancelled, and the process killed.
        package static let cancelled = Code(kind: .cancelled)
    }

    package let code: Code
    /// One line that says what to do or to look at.
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// What a call of the C library has put into `errno`.
    static func system(_ action: String, _ number: Int32 = errno) -> ProcessError {
        ProcessError(.system, "\(action): \(String(cString: strerror(number)))")
    }

    package var description: String { message }
}
