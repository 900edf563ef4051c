package import ExecutionModel
package import Files

/// The words by which a program tells why a user's files could not be brought.
package enum PullReason: String, Sendable, Hashable {
    /// The user's folder has no such path.
    case notFound = "not-found"
    /// The user's folder or the session's area cannot be read or written.
    case unavailable
    /// Something else lies where it should go.
    case pathTaken = "path-taken"
    /// A link stands where none may be.
    case unsafePath = "unsafe-path"
    /// Folders lie in folders beyond every measure.
    case tooDeep = "too-deep"
    case noSpace = "no-space"
}

extension TaskFailure {
    package init(_ reason: PullReason, _ detail: String) { self.init(reason.rawValue, detail) }

    /// What a failure of the file system means for a user's files.
    package init(_ error: FileError) {
        let reason: PullReason =
            switch error.code {
            case .full: .noSpace
            case .unsafePath: .unsafePath
            case .exists: .pathTaken
            case .notFound, .tooLarge, .notAccessible, .failed: .unavailable
            }
        self.init(reason, error.message)
    }
}
