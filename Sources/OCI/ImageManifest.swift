internal import Wire

/// The parts of one image for one kind of machine (OCI image specification, manifest.md).
package struct ImageManifest: Sendable, Hashable {
    /// The configuration blob.
    package let config: Descriptor
    /// Lowest layer first.
    package let layers: [Descriptor]

    package init(config: Descriptor, layers: [Descriptor]) {
        self.config = config
        self.layers = layers
    }

    /// Bytes of the configuration and all layers, as they are stored and transferred.
    package var size: Int64 { layers.reduce(config.size) { $0 &+ $1.size } }

    init(decoding bytes: [UInt8], place: String) throws(OCIError) {
        let json = try JSON(document: bytes, place: place)
        guard json["schemaVersion"]?.int == 2 else {
            throw OCIError(.malformed, "\(place): only manifests of schemaVersion 2 are understood")
        }
        guard let config = json["config"], let entries = json["layers"]?.array else {
            throw OCIError(.malformed, "\(place): a manifest has config and layers")
        }
        self.config = try Descriptor(decoding: config, in: place)
        var layers: [Descriptor] = []
        var total = self.config.size
        for entry in entries {
            let layer = try Descriptor(decoding: entry, in: place)
            let (sum, overflow) = total.addingReportingOverflow(layer.size)
            guard !overflow else { throw OCIError(.malformed, "\(place): the sizes of its layers are absurd") }
            total = sum
            layers.append(layer)
        }
        self.layers = layers
    }

    var json: JSON {
        [
            "schemaVersion": 2, "mediaType": .string(MediaType.manifest), "config": config.json,
            "layers": .array(layers.map(\.json)),
        ]
    }
}
