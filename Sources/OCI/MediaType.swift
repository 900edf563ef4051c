/// The kinds of documents and layers that are understood. Docker's second schema has the same content under other names.
enum MediaType {
    static let index = "application/vnd.oci.image.index.v1+json"
    static let manifest = "application/vnd.oci.image.manifest.v1+json"
    static let configuration = "application/vnd.oci.image.config.v1+json"
    static let dockerIndex = "application/vnd.docker.distribution.manifest.list.v2+json"
    static let dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"

    static func isIndex(_ type: String) -> Bool { type == index || type == dockerIndex }
    static func isManifest(_ type: String) -> Bool { type == manifest || type == dockerManifest }
}

/// How the bytes of a layer are packed.
enum LayerCompression: Sendable, Hashable {
    case none
    case gzip
    case zstd

    /// From the layer's media type; anything else than these tar layers (encrypted, foreign, …) is `unsupported`.
    init(mediaType: String) throws(OCIError) {
        switch mediaType {
        case "application/vnd.oci.image.layer.v1.tar", "application/vnd.docker.image.rootfs.diff.tar":
            self = .none
        case "application/vnd.oci.image.layer.v1.tar+gzip", "application/vnd.docker.image.rootfs.diff.tar.gzip":
            self = .gzip
        case "application/vnd.oci.image.layer.v1.tar+zstd", "application/vnd.docker.image.rootfs.diff.tar.zstd":
            self = .zstd
        default: throw OCIError(.unsupported, "layers of type '\(mediaType)' cannot be unpacked")
        }
    }
}
