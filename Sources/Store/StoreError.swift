/// Why a store could not do its work. Tests and callers look at `code` alone.
public struct StoreError: Error, Sendable, CustomStringConvertible {
    /// What went wrong; more may be added.
    public struct Code: Sendable, Hashable {
        private let name: String

        /// The disk is full, or a quota is used up.
        public static let full = Code(name: "full")
        /// Another process has the store open.
        public static let inUse = Code(name: "in use")
        /// The file is no store, or is damaged.
        public static let damaged = Code(name: "damaged")
        /// The store was made by a newer version of this program.
        public static let tooNew = Code(name: "too new")
        /// The folder or the file cannot be read or written.
        public static let notAccessible = Code(name: "not accessible")
        /// The server that keeps the store cannot be reached, or the connection to it is lost.
        public static let unreachable = Code(name: "unreachable")
        /// The store was closed before.
        public static let closed = Code(name: "closed")
        /// Another transaction came between, such as a serialization failure or a deadlock: the same transaction will pass.
        public static let conflict = Code(name: "conflict")
        /// Anything else that the engine reports.
        public static let failed = Code(name: "failed")

        /// What helps against it.
        public var remedy: Remedy {
            switch self {
            case .conflict: .again
            case .full: .patience
            default: .none
            }
        }
    }

    /// What helps against an error, for whoever has a transaction that failed.
    public enum Remedy: Sendable, Hashable {
        /// The same transaction, at once.
        case again
        /// The same transaction, later: somebody has to make room, or to bring something back.
        case patience
        /// Nothing that this process could do.
        case none
    }

    public let code: Code
    /// One sentence for an operator: what is wrong with which file, and what to do.
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }
}
