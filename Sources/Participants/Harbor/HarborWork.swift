package import ExecutionModel
internal import Files
package import OCI
internal import Preparation
internal import Processes
package import Wire

/// What `harbor` does in the world, whatever the registry.
package struct HarborWork: TaskWork {
    package typealias Kind = Harbor

    let registry: any ImageRegistry
    let store: ImageStore
    private let retention: Duration
    private let rate: PullRate

    /// Measures first how fast pulls are here.
    /// - Parameter retention: how long an image that no session needs is kept.
    package init(registry: any ImageRegistry, store: ImageStore, retention: Duration) async throws {
        self.registry = registry
        self.store = store
        self.retention = retention
        rate = try await PullRate.measure(beside: store)
    }

    package func perform(
        _ command: PullImageCommand, progress: @escaping @Sendable (TaskProgress) -> Void
    ) async throws -> JSON {
        do {
            let image = try await find(command.image)
            let store = store
            // The note first: from here on nobody removes the image.
            let isPresent = try await BlockingWork.run { cancellation in
                try store.hold(image.digest, for: command.head.task.description)
                return try store.isPresent(image.digest, context: WorkContext(cancellation: cancellation))
            }
            if !isPresent {
                let start = ContinuousClock.now
                try await registry.pull(image, into: store) { report in
                    progress(HarborWork.progress(report, of: image))
                }
                rate.learn(image.size, in: .now - start)
            }
            return document(image, command.image).json
        } catch let error as OCIError {
            throw TaskFailure(error)
        } catch let error as FileError {
            throw TaskFailure(image: error)
        }
    }

    /// The image itself stays for a while, for the sessions to come.
    package func remove(_ command: PullImageCommand, keep: Bool) async throws {
        let store = store
        try await BlockingWork.run { _ in
            let holder = command.head.task.description
            for digest in store.digests(heldBy: holder) { try store.release(digest, by: holder) }
        }
    }

    package func tidy() async throws {
        let (store, retention) = (store, retention)
        try await BlockingWork.run { _ in _ = try store.removeUnused(for: retention) }
    }

    package func answer(_ query: ResolveQuery) async throws -> JSON {
        do {
            return document(try await find(query.image), query.image).json
        } catch let error as OCIError {
            throw Problem(error.problemKind, error.message)
        } catch let error as FileError {
            throw Problem(.unavailable, error.message)
        }
    }

    /// The first of the places that has the image. With a digest that image is meant, whatever its tag names by now; one
    /// that the site has already needs no registry.
    private func find(_ image: ExecutionModel.ImageReference) async throws -> ResolvedImage {
        let platform = Platform(os: image.os, architecture: image.architecture)
        var failure: any Error = OCIError(.invalidReference, "no place is named where the image is")
        for location in image.locations {
            do {
                let reference = try OCI.ImageReference(image, at: location)
                if let digest = reference.digest, store.root(of: digest) != nil,
                    let known = try? await OCILayout.resolve(reference, in: store.path, for: platform)
                {
                    return known
                }
                return try await registry.resolve(reference, for: platform)
            } catch let error where error is OCIError || error is FileError {
                failure = error
            }
        }
        throw failure
    }

    private func document(_ image: ResolvedImage, _ asked: ExecutionModel.ImageReference) -> ImageDocument {
        let isPresent = store.root(of: image.digest) != nil
        let bytesPerSecond = rate.bytesPerSecond
        return ImageDocument(
            name: asked.locations.first ?? image.reference.description, digest: image.digest.description,
            size: image.size, present: isPresent,
            entrypoint: image.configuration.entrypoint + image.configuration.command,
            kind: HarborWork.kind(image.configuration), bytesPerSecond: isPresent ? nil : bytesPerSecond,
            seconds: isPresent ? 0 : Double(image.size) / Double(max(1, bytesPerSecond)))
    }

    /// What the image says that it runs, by the label `org.srcnet.session`.
    private static func kind(_ configuration: ImageConfiguration) -> String? {
        guard let label = configuration.labels["org.srcnet.session"] else { return nil }
        return (label == "notebook" ? ExecutableKind.jupyterNotebook : ExecutableKind(rawValue: label))?.rawValue
    }

    /// Copying and unpacking go through the same bytes one after another, so each is half of the whole.
    private static func progress(_ report: WorkProgress, of image: ResolvedImage) -> TaskProgress {
        let part = report.total > 0 ? Double(report.done) / Double(report.total) : 1
        let share = report.stage == .copying ? part / 2 : (1 + part) / 2
        return TaskProgress(done: Int64(Double(image.size) * share), total: image.size)
    }
}
