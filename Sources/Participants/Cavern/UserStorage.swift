package import ExecutionModel

/// The users' own folders: what a back end of `cavern` can do.
package protocol UserStorage: Sendable {
    /// Copies the owner's folder, or the paths in it, into `folder`, which is made. A user without a folder has an
    /// empty one. Links that lead out of the owner's folder are not followed. What is in place already is not done
    /// again.
    ///
    /// Cancelled, it stops between two chunks; what is half copied may stay there to be taken up again.
    /// - Parameter progress: bytes of all files together; may be called often.
    /// - Throws: `TaskFailure`: `not-found` where one of the paths is not there, `unavailable`, `path-taken`,
    ///   `unsafe-path`, `too-deep`, `no-space`.
    func pull(
        _ paths: [String], of owner: Owner, into folder: String,
        progress: @escaping @Sendable (TaskProgress) -> Void
    ) async throws -> PulledFiles

    /// Keeps what a session has left in `folder` as `sessions/<session>` in the owner's folder; again changes nothing,
    /// and nothing there leaves nothing.
    func keep(_ folder: String, of session: SessionID, for owner: Owner) async throws
}

/// What was pulled.
package struct PulledFiles: Sendable, Hashable {
    package var files: Int64
    package var bytes: Int64

    package init(files: Int64, bytes: Int64) {
        self.files = files
        self.bytes = bytes
    }

    mutating func add(_ other: PulledFiles) {
        files += other.files
        bytes += other.bytes
    }
}
