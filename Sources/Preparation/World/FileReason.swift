package import ExecutionModel
package import Files

/// The words by which a program tells why files could not be brought into an area.
package enum FileReason: String, Sendable, Hashable {
    /// Neither the catalogue nor the user's folder has it.
    case notFound = "not-found"
    /// Where they come from, or where they go, cannot be read or written.
    case unavailable
    /// No replica has the bytes of the catalogue.
    case checksumMismatch = "checksum-mismatch"
    /// No replica has as many bytes as the catalogue says.
    case sizeMismatch = "size-mismatch"
    /// Something else lies where it should go.
    case pathTaken = "path-taken"
    /// A link stands where none may be, or leads out of its folder.
    case unsafePath = "unsafe-path"
    /// Folders lie in folders beyond every measure.
    case tooDeep = "too-deep"
    case noSpace = "no-space"
}

extension TaskFailure {
    package init(_ reason: FileReason, _ detail: String) { self.init(reason.rawValue, detail) }

    /// What a failure of the file system means for files that are brought.
    package init(_ error: FileError) {
        let reason: FileReason =
            switch error.code {
            case .full: .noSpace
            case .unsafePath: .unsafePath
            case .exists: .pathTaken
            case .notFound, .tooLarge, .notAccessible, .failed: .unavailable
            }
        self.init(reason, error.message)
    }
}
