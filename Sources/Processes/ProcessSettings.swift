/// What to start, and how.
///
/// A child starts with no signal blocked or ignored and with no descriptor of its parent but the three standard ones.
package struct ProcessSettings: Sendable {
    /// Where the child reads from.
    package enum Input: Sendable, Hashable {
        /// It finds the end at once.
        case empty
        /// What this process reads from.
        case inherited
        /// Nothing to read, and the end only when this process ends, however it ends: a child learns of it so.
        case open
    }

    /// Where the child writes to.
    package enum Output: Sendable {
        case inherited
        case discarded
        /// Appended to this file, which is made (mode 0600) where there is none.
        case file(String)
        /// Each piece as it comes, on a thread that must not be held up.
        case handler(@Sendable ([UInt8]) -> Void)
    }

    /// Which session and process group it belongs to.
    package enum Group: Sendable, Hashable {
        /// Those of this process: a Ctrl-C at the terminal reaches it too.
        case inherited
        /// A process group of its own, so that it and its children can be signalled together.
        case own
        /// A session of its own, without a terminal, and so a group of its own as well.
        case session
    }

    /// A path, or a name that is looked for in `PATH`.
    package var executable: String
    /// What follows the program's name.
    package var arguments: [String]
    /// nil for the environment of this process.
    package var environment: [String: String]?
    /// nil for that of this process.
    package var workingDirectory: String?
    package var input: Input = .empty
    package var output: Output = .inherited
    package var errors: Output = .inherited
    package var group: Group = .own
    /// Whether the kernel kills it (SIGKILL) when this process ends, however it ends. Lost where the program forks, or
    /// runs with other rights than its parent.
    package var isKilledWithParent = false

    package init(
        _ executable: String, _ arguments: [String] = [], environment: [String: String]? = nil,
        workingDirectory: String? = nil
    ) {
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
        self.workingDirectory = workingDirectory
    }
}
