internal import Files
internal import Glibc
internal import Wire

/// A folder of images in the OCI image layout: `oci-layout`, `index.json` and `blobs/sha256/…` (OCI image
/// specification, image-layout.md).
///
/// The functions here block; call them on a thread of their own (`BlockingWork`). Several processes may read and write
/// the same folder at once: blobs appear whole or not at all, and the index is replaced under a lock.
package struct OCILayout: Sendable, Hashable {
    /// The layout's folder, without a slash at the end.
    package let path: String

    /// Opens a layout that exists.
    package init(opening path: String) throws {
        self.path = OCILayout.trimmed(path)
        let marker = "\(self.path)/oci-layout"
        guard FileSystem.exists(marker) else { throw OCIError(.notFound, "\(path) is no OCI image layout") }
        let version = try JSON(document: try FileSystem.contents(marker, limit: 4096), place: marker)
        guard let text = version["imageLayoutVersion"]?.string, text.hasPrefix("1.") else {
            throw OCIError(.malformed, "\(marker): only layouts of version 1 are understood")
        }
    }

    /// Opens a layout, and makes it first where there is none.
    package init(creating path: String) throws {
        self.path = OCILayout.trimmed(path)
        try FileSystem.makeFolder(blobFolder)
        try FileSystem.makeFolder("\(self.path)/\(OCILayout.ingestName)")
        let marker = "\(self.path)/oci-layout"
        if !FileSystem.exists(marker) {
            try locked {
                if !FileSystem.exists("\(self.path)/index.json") { try writeIndex(ImageIndex(manifests: [])) }
                try FileSystem.replace(marker, with: JSON.object(["imageLayoutVersion": "1.0.0"]).bytes)
            }
        }
        _ = try OCILayout(opening: self.path)
    }

    /// Where blobs are written before they have their name. Its name is no part of the specification, which allows
    /// other entries beside its own.
    static let ingestName = ".ingest"
    /// Documents, unlike layers, are held in memory: the distribution specification's advice for manifests is 4 MiB.
    static let documentLimit = 4 << 20

    private static func trimmed(_ path: String) -> String {
        var path = path
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        return path
    }

    var blobFolder: String { "\(path)/blobs/sha256" }

    /// Where a blob lies, whether it is there or not.
    package func blobPath(_ digest: Digest) -> String { "\(blobFolder)/\(digest.hex)" }

    /// Whether the blob is here with this size. What was written by this library was verified when it was written.
    package func holds(_ descriptor: Descriptor) -> Bool {
        FileSystem.size(blobPath(descriptor.digest)) == descriptor.size
    }

    /// The whole of a blob of up to 4 MiB, verified.
    func document(_ descriptor: Descriptor, _ what: String) throws -> [UInt8] {
        let path = blobPath(descriptor.digest)
        guard FileSystem.exists(path) else {
            throw OCIError(.notFound, "the \(what) is not in \(self.path)", digest: descriptor.digest)
        }
        let bytes = try FileSystem.contents(path, limit: OCILayout.documentLimit)
        guard bytes.count == descriptor.size else {
            throw OCIError(
                .sizeMismatch, "the \(what) has \(bytes.count) bytes and not \(descriptor.size)",
                digest: descriptor.digest)
        }
        guard Digest(of: bytes) == descriptor.digest else {
            throw OCIError(.digestMismatch, "the \(what) is not what its digest says", digest: descriptor.digest)
        }
        return bytes
    }

    /// The list of the images in this layout.
    func index() throws -> ImageIndex {
        let place = "\(path)/index.json"
        return try ImageIndex(decoding: try FileSystem.contents(place, limit: OCILayout.documentLimit), place: place)
    }

    func writeIndex(_ index: ImageIndex) throws {
        try FileSystem.replace("\(path)/index.json", with: index.json.bytes)
    }
}
