import Wire

/// Data that a session reads.
public struct DataResource: Sendable, Hashable {
    public var name: String?
    public var uuid: String?
    public var source: DataSource
    /// The name or UUID of the storage that holds it; nil leaves that to the site.
    public var storage: String?

    public init(name: String? = nil, uuid: String? = nil, source: DataSource, storage: String? = nil) {
        self.name = name
        self.uuid = uuid
        self.source = source
        self.storage = storage
    }

    static func read(_ reader: JSONReader) -> DataResource? {
        let kind = reader.kind(DataKind.self)
        let name = reader.componentName
        let uuid = reader.componentUUID
        let storage = reader.text("storage")
        guard let kind, let source = DataSource.read(reader, kind) else { return nil }
        return DataResource(name: name, uuid: uuid, source: source, storage: storage)
    }
}

/// Where data comes from, in the ways that data can be named.
public enum DataSource: Sendable, Hashable {
    /// A URL.
    case url(String)
    /// An object, or a whole bucket where `object` is nil.
    case s3(endpoint: String, template: String, bucket: String, object: String?)
    /// A data identifier of Rucio.
    case rucio(DataIdentifier)
    /// An IVOA identifier.
    case ivoa(String)
    /// A data identifier with what its sender knows of it.
    case skao(DataIdentifier, bytes: Int64?, replicas: [String])

    public var kind: DataKind {
        switch self {
        case .url: .simple
        case .s3: .s3
        case .rucio: .rucio
        case .ivoa: .ivoa
        case .skao: .skao
        }
    }

    /// Its Rucio identifier, where it has one.
    public var did: DataIdentifier? {
        switch self {
        case .rucio(let did), .skao(let did, _, _): did
        case .url, .s3, .ivoa: nil
        }
    }

    static func read(_ reader: JSONReader, _ kind: DataKind) -> DataSource? {
        switch kind {
        case .simple: return reader.text("location", required: true).map { .url($0) }
        case .s3:
            let endpoint = reader.text("endpoint", required: true)
            let template = reader.text("template", required: true)
            let bucket = reader.text("bucket", required: true)
            guard let endpoint, let template, let bucket else { return nil }
            return .s3(endpoint: endpoint, template: template, bucket: bucket, object: reader.text("object"))
        case .rucio:
            return reader.object("rucio", required: true)
                .flatMap { DataIdentifier.read($0, scope: "scope", name: "object", type: "type") }
                .map { .rucio($0) }
        case .ivoa:
            return reader.object("ivoa", required: true)?.text("ivoid", required: true).map { .ivoa($0) }
        case .skao:
            guard let object = reader.object("skao", required: true) else { return nil }
            let did = DataIdentifier.read(object, scope: "namespace", name: "objectname", type: "objecttype")
            let bytes = object.int("datasize", in: 0...Int64.max)
            let replicas = object.array("replicas")?.compactMap { $0.text("rsename", required: true) } ?? []
            return did.map { .skao($0, bytes: bytes, replicas: replicas) }
        }
    }
}

/// A data identifier of Rucio: `scope:name`.
public struct DataIdentifier: Sendable, Hashable, Codable, CustomStringConvertible {
    /// What it names.
    public enum Content: String, Sendable, Hashable, Codable, CaseIterable {
        case file = "FILE"
        case dataset = "DATASET"
        case container = "CONTAINER"
    }

    public var scope: String
    public var name: String
    public var type: Content

    public init(scope: String, name: String, type: Content = .file) {
        self.scope = scope
        self.name = name
        self.type = type
    }

    public var description: String { "\(scope):\(name)" }

    static func read(_ reader: JSONReader, scope: String, name: String, type: String) -> DataIdentifier? {
        let scopeText = reader.text(scope, required: true)
        let nameText = reader.text(name, required: true)
        let content = reader.choice(type, Content.self) ?? .file
        if let scopeText, !isPart(scopeText, upTo: 25) { reader.fault(scope, "is no scope of Rucio") }
        if let nameText, !isPart(nameText, upTo: 500) { reader.fault(name, "is no name of Rucio") }
        guard let scopeText, let nameText else { return nil }
        return DataIdentifier(scope: scopeText, name: nameText, type: content)
    }

    /// Both become parts of paths: nothing in them may lead out of a folder.
    private static func isPart(_ text: String, upTo limit: Int) -> Bool {
        text.utf8.count <= limit && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f }
            && text.split(separator: "/", omittingEmptySubsequences: false).allSatisfy {
                !$0.isEmpty && $0 != "." && $0 != ".."
            }
    }
}
