package import OCI

/// A folder in the OCI image layout as registry: nothing needs to be installed or started.
package struct LayoutRegistry: ImageRegistry {
    let path: String

    /// - Parameter path: the layout's folder. It is opened anew each time, so it may be made or filled later.
    package init(path: String) { self.path = path }

    package func resolve(_ reference: OCI.ImageReference, for platform: Platform) async throws -> ResolvedImage {
        try await OCILayout.resolve(reference, in: path, for: platform)
    }

    package func pull(
        _ image: ResolvedImage, into store: ImageStore, report: @escaping @Sendable (WorkProgress) -> Void
    ) async throws {
        _ = try await store.pull(image, from: try OCILayout(opening: path), report: report)
    }
}
