public import Wire

/// What a session executes.
public struct Executable: Sendable, Hashable {
    public var kind: ExecutableKind
    public var name: String?
    /// The container image; nil asks for the site's own for this kind.
    public var image: ImageReference?
    /// The URL of a notebook or of a singularity image; nil for a notebook that begins empty.
    public var location: String?
    public var command: [String]
    public var entrypoint: String?
    public var environment: [String: String]

    public init(
        kind: ExecutableKind, name: String? = nil, image: ImageReference? = nil, location: String? = nil,
        command: [String] = [], entrypoint: String? = nil, environment: [String: String] = [:]
    ) {
        self.kind = kind
        self.name = name
        self.image = image
        self.location = location
        self.command = command
        self.entrypoint = entrypoint
        self.environment = environment
    }

    static func read(_ reader: JSONReader) -> Executable? {
        let kind = reader.kind(ExecutableKind.self)
        let name = reader.componentName
        let image = reader.object("image").flatMap(ImageReference.read)
        let location = reader.text("location")
        if let location, !isWebURL(location) { reader.fault("location", "must be a URL, https or http") }
        switch kind {
        case .dockerContainer where reader.json["image"] == nil: reader.fault("image", "is required for a container")
        case .singularityContainer where reader.json["location"] == nil:
            reader.fault("location", "is required: the URL of the image")
        default: break
        }
        if reader.bool("privileged") == true { reader.fault("privileged", "no container is given privileges") }
        let command = reader.strings("command") ?? []
        let entrypoint = reader.string("entrypoint")
        let environment = readEnvironment(reader)
        guard let kind else { return nil }
        return Executable(
            kind: kind, name: name, image: image, location: location, command: command, entrypoint: entrypoint,
            environment: environment)
    }

    private static func readEnvironment(_ reader: JSONReader) -> [String: String] {
        guard let object = reader.object("environment") else { return [:] }
        var environment: [String: String] = [:]
        for (key, value) in (object.json.object ?? [:]).sorted(by: { $0.key < $1.key }) {
            guard let text = value.string, !text.contains("\0") else {
                object.fault(key, "must be a string")
                continue
            }
            guard !key.isEmpty, !key.contains("="), !key.contains("\0") else {
                object.fault(key, "is no name of a variable")
                continue
            }
            environment[key] = text
        }
        return environment
    }

    private static func isWebURL(_ text: String) -> Bool {
        let rest = ["https://", "http://"].first { text.lowercased().hasPrefix($0) }.map { text.dropFirst($0.count) }
        guard let rest, let first = rest.first, first != "/" else { return false }
        return text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7f }
    }
}

/// A container image, by one or more places where the same image lies.
public struct ImageReference: Sendable, Hashable, Codable {
    /// `registry/name:tag`, at least one.
    public var locations: [String]
    /// `sha256:…`; nil where the site is to resolve the tag.
    public var digest: String?
    public var architecture: String
    public var os: String

    public init(locations: [String], digest: String? = nil, architecture: String = "amd64", os: String = "linux") {
        self.locations = locations
        self.digest = digest
        self.architecture = architecture
        self.os = os
    }

    static func read(_ reader: JSONReader) -> ImageReference? {
        let locations = reader.strings("locations", required: true) ?? []
        if reader.json["locations"]?.array?.isEmpty == true { reader.fault("locations", "must name one place or more") }
        for (index, location) in locations.enumerated() where !isReference(location) {
            reader.fault("locations", "number \(index) is no reference of an image, such as registry/name:tag")
        }
        let digest = reader.text("digest")
        if let digest, !isDigest(digest) { reader.fault("digest", "must be sha256: and 64 hexadecimal digits") }
        let platform = reader.object("platform")
        return ImageReference(
            locations: locations, digest: digest, architecture: platform?.text("architecture") ?? "amd64",
            os: platform?.text("os") ?? "linux")
    }

    /// `{locations, digest, platform}`.
    public var json: JSON {
        .object(compacting: [
            "locations": .array(locations.map { .string($0) }), "digest": digest.map { .string($0) },
            "platform": ["architecture": .string(architecture), "os": .string(os)],
        ])
    }

    private static func isReference(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 512 && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f }
            && text.first != "-"
            && !text.split(separator: "/", omittingEmptySubsequences: false).contains { $0 == ".." }
    }

    private static func isDigest(_ text: String) -> Bool {
        let digits = text.dropFirst("sha256:".count)
        return text.hasPrefix("sha256:") && digits.count == 64
            && digits.allSatisfy { $0.isASCII && $0.isHexDigit && !$0.isUppercase }
    }
}
