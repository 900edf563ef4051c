package import ExecutionModel

/// Where data comes from: what a back end of `prepare-data` can do.
package protocol DataStager: Sendable {
    /// Where data lies and what bringing it here would take. It is asked while an offer is made, so it answers from
    /// memory; data that it does not know is in `unknown`.
    func locate(_ data: [DataIdentifier]) async throws -> Replicas

    /// Puts the items below `folder`, each at its path: a replica of this site is linked, another copied in chunks,
    /// verified by size and adler32, and renamed into place. What is in place already is not done again.
    ///
    /// Cancelled, it stops between two chunks; what is half copied may stay there to be taken up again.
    /// - Parameter progress: bytes of all items together; may be called often.
    /// - Throws: `TaskFailure`: `not-found` where a DID is unknown, `unavailable` where no replica can be read,
    ///   `checksum-mismatch` or `size-mismatch` where no replica has the right bytes, `path-taken`, `unsafe-path`,
    ///   `no-space`.
    func stage(
        _ items: [PrepareDataCommand.Item], into folder: String,
        progress: @escaping @Sendable (TaskProgress) -> Void
    ) async throws -> PreparedData
}
