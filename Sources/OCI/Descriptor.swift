internal import Wire

/// Points to a blob: what it is, how large, and the digest that names it (OCI image specification, descriptor.md).
package struct Descriptor: Sendable, Hashable {
    package let mediaType: String
    package let digest: Digest
    /// In bytes.
    package let size: Int64
    /// What machine it is for, where it stands in an index that says so.
    package let platform: Platform?
    package let annotations: [String: String]
    /// Not nil where this is something else than an image, such as a signature.
    package let artifactType: String?

    package init(
        mediaType: String, digest: Digest, size: Int64, platform: Platform? = nil, annotations: [String: String] = [:],
        artifactType: String? = nil
    ) {
        self.mediaType = mediaType
        self.digest = digest
        self.size = size
        self.platform = platform
        self.annotations = annotations
        self.artifactType = artifactType
    }

    init(decoding json: JSON, in place: String) throws(OCIError) {
        guard let mediaType = json["mediaType"]?.string, let digest = json["digest"]?.string,
            let size = json["size"]?.int, size >= 0
        else {
            throw OCIError(.malformed, "\(place): a descriptor needs mediaType, digest and size")
        }
        self.init(
            mediaType: mediaType, digest: try Digest(parsing: digest), size: size,
            platform: json["platform"].flatMap(Platform.init(decoding:)),
            annotations: (json["annotations"]?.object ?? [:]).compactMapValues(\.string),
            artifactType: json["artifactType"]?.string)
    }

    /// The descriptor as it stands in a document.
    var json: JSON {
        .object(compacting: [
            "mediaType": .string(mediaType), "digest": .string(digest.description), "size": .int(size),
            "platform": platform?.json, "artifactType": artifactType.map(JSON.string),
            "annotations": annotations.isEmpty ? nil : .object(annotations.mapValues(JSON.string)),
        ])
    }
}

extension Platform {
    init?(decoding json: JSON) {
        guard let os = json["os"]?.string, let architecture = json["architecture"]?.string else { return nil }
        self.init(os: os, architecture: architecture, variant: json["variant"]?.string)
    }

    var json: JSON {
        .object(compacting: [
            "os": .string(os), "architecture": .string(architecture), "variant": variant.map(JSON.string),
        ])
    }
}
