internal import Wire

/// A list of images, or of one image for several kinds of machines (OCI image specification, image-index.md).
package struct ImageIndex: Sendable, Hashable {
    /// In the order of the document, which is the order of preference.
    package let manifests: [Descriptor]

    package init(manifests: [Descriptor]) { self.manifests = manifests }

    init(decoding bytes: [UInt8], place: String) throws(OCIError) {
        let json = try JSON(document: bytes, place: place)
        guard json["schemaVersion"]?.int == 2, let entries = json["manifests"]?.array else {
            throw OCIError(.malformed, "\(place): an index has schemaVersion 2 and manifests")
        }
        var manifests: [Descriptor] = []
        for entry in entries { manifests.append(try Descriptor(decoding: entry, in: place)) }
        self.manifests = manifests
    }

    var json: JSON {
        ["schemaVersion": 2, "mediaType": .string(MediaType.index), "manifests": .array(manifests.map(\.json))]
    }
}

extension JSON {
    /// A document of an image, which is always an object.
    init(document bytes: [UInt8], place: String) throws(OCIError) {
        let parsed: JSON
        do {
            parsed = try JSON(parsing: bytes)
        } catch {
            throw OCIError(.malformed, "\(place) is no JSON: \(error)")
        }
        guard parsed.object != nil else { throw OCIError(.malformed, "\(place) is no JSON object") }
        self = parsed
    }
}
