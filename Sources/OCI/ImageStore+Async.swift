internal import Processes

extension ImageStore {
    /// `pull` on a thread of its own. A cancelled task stops it between two chunks, and nothing half done stays.
    /// - Parameter report: called on that thread, about once for each mebibyte.
    package func pull(
        _ image: ResolvedImage, from registry: OCILayout, limits: UnpackLimits = UnpackLimits(),
        report: @escaping @Sendable (WorkProgress) -> Void
    ) async throws -> String {
        try await BlockingWork.run { cancellation in
            let context = WorkContext(cancellation: cancellation, report: report)
            return try pull(image, from: registry, limits: limits, context: context)
        }
    }

    /// Opens a store on a thread of its own, since what dead writers left may be much.
    package static func open(at path: String) async throws -> ImageStore {
        try await BlockingWork.run { _ in try ImageStore(at: path) }
    }
}

extension OCILayout {
    /// Finds an image on a thread of its own.
    package static func resolve(
        _ reference: ImageReference, in path: String, for platform: Platform = .current
    ) async throws -> ResolvedImage {
        try await BlockingWork.run { _ in try OCILayout(opening: path).resolve(reference, for: platform) }
    }
}
