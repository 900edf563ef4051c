/// What can go wrong with an image: what happened, and to which blob. Where the system refuses, that is a `FileError`.
package struct OCIError: Error, Hashable, CustomStringConvertible {
    /// The kind of failure, for code to decide by.
    package enum Code: Sendable, Hashable {
        /// The text is no image reference.
        case invalidReference
        /// The text is no digest, or one of another algorithm than SHA-256.
        case invalidDigest
        /// A document of the image (index, manifest, configuration) does not say what it must.
        case malformed
        /// The layout does not hold this image or blob.
        case notFound
        /// The image is there, but not for this platform.
        case noSuchPlatform
        /// The bytes are not those that the digest names.
        case digestMismatch
        /// The file is longer or shorter than the descriptor says.
        case sizeMismatch
        /// A layer holds a name or a link that leads out of the root folder.
        case unsafePath
        /// A layer holds what is not unpacked: a device, a socket, an unknown compression.
        case unsupported
        /// The layer is larger than allowed when unpacked.
        case tooLarge
        /// The layer is no readable archive.
        case damagedArchive
        /// The container runtime refused or failed.
        case runtime
    }

    package let code: Code
    /// For people: what, where, and why.
    package let message: String
    /// The blob in question, where there is one.
    package let digest: Digest?

    package init(_ code: Code, _ message: String, digest: Digest? = nil) {
        self.code = code
        self.message = message
        self.digest = digest
    }

    package var description: String { digest.map { "\(message) (\($0))" } ?? message }
}
