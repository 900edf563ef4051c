package import OCI

/// Where images come from: what a back end of `harbor` can do.
package protocol ImageRegistry: Sendable {
    /// Turns a name into the digest of an image for a kind of machine.
    /// - Throws: `OCIError`: `notFound`, `noSuchPlatform`, or what is wrong with the registry.
    func resolve(_ reference: OCI.ImageReference, for platform: Platform) async throws -> ResolvedImage

    /// Brings an image into the site's store, each blob verified, and unpacks it. What is there is not done again.
    func pull(
        _ image: ResolvedImage, into store: ImageStore, report: @escaping @Sendable (WorkProgress) -> Void
    ) async throws
}
