/// Why a private network, or a part of it, does not run.
package struct LocalNetworkError: Error, Sendable, CustomStringConvertible {
    /// What kind of fault it is; tests and callers look at this, people at `message`.
    package struct Code: Sendable, Hashable {
        private enum Kind { case notInstalled, inUse, notStarted, invalid, system }
        private let kind: Kind

        /// A program is missing on this machine.
        package static let notInstalled = Code(kind: .notInstalled)
        /// Another network runs on this directory.
        package static let inUse = Code(kind: .inUse)
        /// A server ended while it started, or did not answer in time.
        package static let notStarted = Code(kind: .notStarted)
        /// What was to be loaded cannot be.
        package static let invalid = Code(kind: .invalid)
        /// A file cannot be read or written, or the operating system refused something else.
        package static let system = Code(kind: .system)
    }

    package let code: Code
    /// One line that says what to do or to look at.
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
