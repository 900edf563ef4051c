import Wire

/// A family of kinds of components, each named by a URI on the wire.
///
/// Three generations of the standard spell one kind in three ways; they agree in the last segment of the URI, with
/// `-1.0` or `.yaml` behind it, and only that is read. The newest is written.
public protocol ComponentKind: RawRepresentable<String>, CaseIterable, Sendable, Hashable {
    /// The group of the standard that its kinds are in, such as `executable`.
    static var group: String { get }
    /// The URI that is written.
    var uri: String { get }
}

extension ComponentKind {
    /// The kind as the standard's newest generation writes it.
    public var uri: String { "\(Kinds.base)/\(Self.group)/\(rawValue).yaml" }

    /// nil where the URI names no kind of this family.
    public init?(uri: String) { self.init(rawValue: Kinds.name(of: uri)) }
}

/// What the kinds of all families have in common.
public enum Kinds {
    /// What the URIs of the standard's kinds begin with.
    public static let base = "https://www.purl.org/ivoa.net/Calycopis-openapi/schema/v1.0/kinds"
    /// What the URIs of our own kinds begin with.
    public static let ownBase = "urn:srcnet:kind"

    public static let session = base + "/session/scheduled-execution-session.yaml"
    public static let offerset = base + "/offerset/execution-offerset.yaml"

    /// The last segment of a kind's URI, without what the generations add behind it.
    public static func name(of uri: String) -> String {
        var name = uri.split(whereSeparator: { $0 == "/" || $0 == ":" }).last.map(String.init) ?? ""
        for ending in ["-1.0", ".yaml"] where name.hasSuffix(ending) { name.removeLast(ending.count) }
        return name
    }
}

/// What can be executed.
public enum ExecutableKind: String, ComponentKind, Codable {
    case dockerContainer = "docker-container"
    case singularityContainer = "singularity-container"
    case jupyterNotebook = "jupyter-notebook"
    case visualisation
    case terminal

    public static var group: String { "executable" }

    public var uri: String {
        switch self {
        case .dockerContainer, .singularityContainer, .jupyterNotebook: "\(Kinds.base)/\(Self.group)/\(rawValue).yaml"
        // The standard has none for these two.
        case .visualisation, .terminal: "\(Kinds.ownBase):\(Self.group):\(rawValue)"
        }
    }
}

/// What it can be executed on.
public enum ComputeKind: String, ComponentKind, Codable {
    case simple = "simple-compute-resource"
    public static var group: String { "compute" }
}

/// Where a session can keep something.
public enum StorageKind: String, ComponentKind, Codable {
    case simple = "simple-storage-resource"
    public static var group: String { "storage" }
}

/// How data or storage is seen from inside.
public enum VolumeKind: String, ComponentKind, Codable {
    case simple = "simple-volume-mount"
    public static var group: String { "volume" }
}

/// How data is named.
public enum DataKind: String, ComponentKind, Codable {
    case simple = "simple-data-resource"
    case s3 = "S3-data-resource"
    case rucio = "rucio-data-resource"
    case ivoa = "ivoa-data-resource"
    case skao = "skao-data-resource"
    public static var group: String { "data" }
}

extension JSONReader {
    /// The kind of a component: `kind`, or `type` as the oldest generation has it. One that is unknown is a fault that
    /// names it; so is a slot of a template that was never filled.
    func kind<Kind: ComponentKind>(_ type: Kind.Type) -> Kind? {
        let key = json["kind"] == nil && json["type"] != nil ? "type" : "kind"
        guard let uri = text(key, required: true) else { return nil }
        if let kind = Kind(uri: uri) { return kind }
        let name = Kinds.name(of: uri)
        if name.hasPrefix("abstract-") {
            fault(key, "\(name) is a place to be filled: choose a kind for it")
        } else {
            let known = Kind.allCases.map(\.rawValue).joined(separator: ", ")
            fault(key, "\(name) is no kind of \(Kind.group) that is known: it must be one of \(known)")
        }
        return nil
    }

    /// What a component is called: `meta.name`, or `name` as the oldest generation has it.
    var componentName: String? { meta("name") { $0.text("name") } }

    /// The UUID that its sender gave a component, by which others of the same request may refer to it.
    var componentUUID: String? { meta("uuid") { $0.uuid("uuid") } }

    private func meta<Value>(_ key: String, _ read: (JSONReader) -> Value?) -> Value? {
        if json["meta"] != nil { return object("meta").flatMap(read) }
        return json[key] == nil ? nil : read(self)
    }
}
