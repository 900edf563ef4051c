internal import Wire

/// An image whose reference has been turned into a digest, which no later change of a tag can alter.
package struct ResolvedImage: Sendable, Hashable {
    /// What was asked for.
    package let reference: ImageReference
    /// Points to the manifest; its digest is the image's identity.
    package let manifestDescriptor: Descriptor
    package let manifest: ImageManifest
    package let configuration: ImageConfiguration

    /// The digest of the manifest.
    package var digest: Digest { manifestDescriptor.digest }
    /// Bytes of all blobs: manifest, configuration, layers.
    package var size: Int64 { manifestDescriptor.size &+ manifest.size }
    /// All blobs in the order in which they are copied: the manifest last, so that who finds it finds all.
    package var blobs: [Descriptor] { manifest.layers + [manifest.config, manifestDescriptor] }
}

extension OCILayout {
    /// The annotation that names an image in `index.json` (OCI image specification, annotations.md).
    static let referenceName = "org.opencontainers.image.ref.name"

    /// Finds the image of this name for this kind of machine.
    ///
    /// An entry of `index.json` is meant if its name annotation is the reference, with or without the host. A digest in
    /// the reference must be that of an entry, or of a manifest in an entry's own index.
    package func resolve(_ reference: ImageReference, for platform: Platform = .current) throws
        -> ResolvedImage
    {
        let entries = try index().manifests
        let candidates: [Descriptor]
        if let digest = reference.digest {
            let direct = entries.filter { $0.digest == digest }
            candidates = direct.isEmpty ? try nested(digest, in: entries) : direct
        } else {
            let names = [reference.host.map { "\($0)/\(reference.nameAndTag)" }, reference.nameAndTag].compactMap { $0 }
            candidates = entries.filter { entry in
                entry.annotations[OCILayout.referenceName].map(names.contains) ?? false
            }
        }
        guard !candidates.isEmpty else { throw OCIError(.notFound, "no image \(reference) in \(path)") }
        return try choose(candidates, reference, platform)
    }

    private func nested(_ digest: Digest, in entries: [Descriptor]) throws -> [Descriptor] {
        for entry in entries where MediaType.isIndex(entry.mediaType) {
            let found = try self.entries(of: entry).filter { $0.digest == digest }
            if !found.isEmpty { return found }
        }
        return []
    }

    private func entries(of index: Descriptor) throws -> [Descriptor] {
        try ImageIndex(decoding: try document(index, "index"), place: "index \(index.digest)").manifests
    }

    /// The first entry that is an image for this platform. Attestations (`unknown/unknown`) and artifacts are none.
    private func choose(
        _ candidates: [Descriptor], _ reference: ImageReference, _ platform: Platform
    ) throws -> ResolvedImage {
        for candidate in candidates {
            let manifests = MediaType.isIndex(candidate.mediaType) ? try entries(of: candidate) : [candidate]
            for entry in manifests where MediaType.isManifest(entry.mediaType) && entry.artifactType == nil {
                if let stated = entry.platform, !platform.runs(stated) { continue }
                let image = try load(entry, reference)
                // An index may state a variant that the configuration leaves out, so its word goes first.
                if entry.platform != nil || platform.runs(image.configuration.platform) { return image }
            }
        }
        throw OCIError(.noSuchPlatform, "image \(reference) is not for \(platform)")
    }

    private func load(_ descriptor: Descriptor, _ reference: ImageReference) throws -> ResolvedImage {
        let manifest = try ImageManifest(
            decoding: try document(descriptor, "manifest"), place: "manifest \(descriptor.digest)")
        let configuration = try ImageConfiguration(
            decoding: try document(manifest.config, "configuration"), place: "configuration \(manifest.config.digest)")
        guard configuration.diffIDs.count == manifest.layers.count else {
            throw OCIError(
                .malformed,
                "the manifest has \(manifest.layers.count) layers, its configuration names "
                    + "\(configuration.diffIDs.count)", digest: descriptor.digest)
        }
        return ResolvedImage(
            reference: reference, manifestDescriptor: descriptor, manifest: manifest, configuration: configuration)
    }

    /// How an image is named in the index; without a tag, but with a digest, it is not `latest`.
    private static func name(of reference: ImageReference) -> String {
        guard let digest = reference.digest, reference.tag == nil else { return reference.nameAndTag }
        return "\(reference.name)@\(digest)"
    }

    func tag(_ image: ResolvedImage) throws {
        try tag(image.manifestDescriptor, as: image.reference, for: image.configuration.platform)
    }

    /// Whether the index has this image under this name.
    func knows(_ image: ResolvedImage) throws -> Bool {
        let name = OCILayout.name(of: image.reference)
        return try index().manifests.contains {
            $0.digest == image.digest && $0.annotations[OCILayout.referenceName] == name
        }
    }

    /// Takes all names of an image away.
    func untag(_ digest: Digest) throws {
        try locked {
            let manifests = try index().manifests
            let others = manifests.filter { $0.digest != digest }
            if others.count < manifests.count { try writeIndex(ImageIndex(manifests: others)) }
        }
    }

    /// Names an image in `index.json`, in place of what had the name for the same platform before.
    package func tag(
        _ descriptor: Descriptor, as reference: ImageReference, for platform: Platform,
        context: WorkContext = WorkContext()
    ) throws {
        let name = OCILayout.name(of: reference)
        let entry = Descriptor(
            mediaType: descriptor.mediaType, digest: descriptor.digest, size: descriptor.size, platform: platform,
            annotations: [OCILayout.referenceName: name])
        try locked(context: context) {
            let others = try index().manifests.filter { other in
                other.annotations[OCILayout.referenceName] != name || (other.platform ?? platform) != platform
            }
            try writeIndex(ImageIndex(manifests: others + [entry]))
        }
    }
}

extension OCILayout {
    /// Makes an image of layers that are here already, and gives it a name.
    /// - Returns: what points to its manifest.
    @discardableResult
    package func addImage(
        layers: [Descriptor], configuration: ImageConfiguration, as reference: ImageReference
    ) throws -> Descriptor {
        let config = try write(configuration.json.bytes, mediaType: MediaType.configuration)
        let manifest = ImageManifest(config: config, layers: layers)
        let descriptor = try write(manifest.json.bytes, mediaType: MediaType.manifest)
        try tag(descriptor, as: reference, for: configuration.platform)
        return descriptor
    }

    /// The names of all blobs that an index leads to.
    func collectBlobs(of index: ImageIndex, into names: inout Set<String>) throws {
        for entry in index.manifests where names.insert(entry.digest.hex).inserted && holds(entry) {
            if MediaType.isIndex(entry.mediaType) {
                try collectBlobs(
                    of: try ImageIndex(decoding: try document(entry, "index"), place: "index \(entry.digest)"),
                    into: &names)
            } else if MediaType.isManifest(entry.mediaType) {
                let manifest = try ImageManifest(
                    decoding: try document(entry, "manifest"), place: "manifest \(entry.digest)")
                names.insert(manifest.config.digest.hex)
                for layer in manifest.layers { names.insert(layer.digest.hex) }
            }
        }
    }
}
