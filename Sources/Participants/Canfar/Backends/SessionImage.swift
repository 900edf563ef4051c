internal import ExecutionModel
internal import OCI

/// The pulled image that a session runs from.
struct SessionImage: Sendable {
    /// Its unpacked root.
    let root: String
    let configuration: ImageConfiguration

    /// Finds the image of the digest in the site's store; its name is for messages.
    init(_ image: ExecutionModel.ImageReference, store path: String) async throws {
        let name = image.locations.first ?? "image"
        guard let digest = image.digest else { throw TaskFailure("image-missing", "no digest says which image to run") }
        let store = try await ImageStore.open(at: path)
        let place = name.split(separator: "@", maxSplits: 1).first.map(String.init) ?? name
        let reference = try OCI.ImageReference(parsing: "\(place)@\(digest)")
        let platform = Platform(os: image.os, architecture: image.architecture)
        let resolved = try await OCILayout.resolve(reference, in: path, for: platform)
        guard let root = store.root(of: resolved.digest) else {
            throw TaskFailure("image-missing", "\(name) was not pulled to this site")
        }
        self.root = root
        configuration = resolved.configuration
    }
}
