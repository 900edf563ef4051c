package import ExecutionModel
package import Files

/// The words by which a program tells why data could not be brought.
package enum StagingReason: String, Sendable, Hashable {
    /// The catalogue does not know it.
    case notFound = "not-found"
    /// No storage that is said to hold it can be read.
    case unavailable
    /// No replica has the bytes of the catalogue.
    case checksumMismatch = "checksum-mismatch"
    /// No replica has as many bytes as the catalogue says.
    case sizeMismatch = "size-mismatch"
    /// Something else lies where it should go.
    case pathTaken = "path-taken"
    /// A link stands where none may be, or leads out of its folder.
    case unsafePath = "unsafe-path"
    case noSpace = "no-space"
}

extension TaskFailure {
    package init(_ reason: StagingReason, _ detail: String) { self.init(reason.rawValue, detail) }

    /// What a failure of the file system means for data.
    package init(_ error: FileError) {
        let reason: StagingReason =
            switch error.code {
            case .full: .noSpace
            case .unsafePath: .unsafePath
            case .exists: .pathTaken
            case .notFound, .tooLarge, .notAccessible, .failed: .unavailable
            }
        self.init(reason, error.message)
    }
}
