public import Wire

/// What a session computes on.
public struct Compute: Sendable, Hashable {
    public var name: String?
    public var cores: Amount
    /// GiB.
    public var memory: Amount
    /// Graphics processors and the like; zero where none are asked for.
    public var accelerators: Amount
    public var volumes: [Volume]

    public init(
        name: String? = nil, cores: Amount = .one, memory: Amount = .one, accelerators: Amount = .zero,
        volumes: [Volume] = []
    ) {
        self.name = name
        self.cores = cores
        self.memory = memory
        self.accelerators = accelerators
        self.volumes = volumes
    }

    static func read(_ reader: JSONReader) -> Compute {
        _ = reader.kind(ComputeKind.self)
        return Compute(
            name: reader.componentName,
            cores: Amount.read(reader, "cores"),
            memory: Amount.read(reader, "memory"),
            accelerators: Amount.read(reader, "accelerators", least: 0, otherwise: .zero),
            volumes: reader.array("volumes")?.compactMap(Volume.read) ?? [])
    }
}

/// How much of something: what is needed, and the most that can be used.
public struct Amount: Sendable, Hashable, Codable {
    public var min: Int64
    public var max: Int64

    public init(min: Int64, max: Int64) {
        self.min = min
        self.max = Swift.max(min, max)
    }

    public static let zero = Amount(min: 0, max: 0)
    public static let one = Amount(min: 1, max: 1)

    /// `{min, max}`.
    public var json: JSON { ["min": .int(min), "max": .int(max)] }

    /// Nobody has more than this of anything; it keeps sums far from the end of 64 bits.
    static let most: Int64 = 1_000_000_000

    /// Where only the least is given the most is the same; the other way round the least is 1.
    static func read(_ reader: JSONReader, _ key: String, least: Int64 = 1, otherwise: Amount = .one) -> Amount {
        guard let object = reader.object(key) else { return otherwise }
        let min = object.int("min", in: least...most)
        let max = object.int("max", in: least...most)
        if let min, let max, max < min { object.fault("max", "must not be less than min") }
        let lower = min ?? least
        return Amount(min: lower, max: max ?? lower)
    }
}

/// One data or storage, seen at a path from inside.
public struct Volume: Sendable, Hashable, Codable {
    /// What may be done there.
    public enum Mode: String, Sendable, Hashable, Codable, CaseIterable {
        case readOnly = "READONLY"
        case readWrite = "READWRITE"
    }

    /// An absolute path without `.` and `..`.
    public var path: String
    public var mode: Mode
    /// The name or UUID of one data or storage of the same workstep.
    public var resource: String

    public init(path: String, mode: Mode = .readOnly, resource: String) {
        self.path = path
        self.mode = mode
        self.resource = resource
    }

    static func read(_ reader: JSONReader) -> Volume? {
        _ = reader.kind(VolumeKind.self)
        // Older generations have a list of resources.
        let older = reader.json["resource"] == nil ? reader.strings("resources")?.first : nil
        let resource = older ?? reader.text("resource", required: true)
        let mode = reader.choice("mode", Mode.self) ?? .readOnly
        let path = reader.text("path") ?? "/volumes/\(resource ?? "")"
        if !isPath(path) { reader.fault("path", "must be an absolute path without . or ..") }
        return resource.map { Volume(path: path, mode: mode, resource: $0) }
    }

    private static func isPath(_ text: String) -> Bool {
        guard text.first == "/", text.utf8.count <= 4_096, text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else {
            return false
        }
        let parts = text.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        return parts.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." && $0.utf8.count <= 255 }
    }
}

/// Something that a session keeps.
public struct StorageResource: Sendable, Hashable {
    public var name: String?
    public var uuid: String?
    /// GiB.
    public var size: Amount

    public init(name: String? = nil, uuid: String? = nil, size: Amount = .one) {
        self.name = name
        self.uuid = uuid
        self.size = size
    }

    static func read(_ reader: JSONReader) -> StorageResource {
        _ = reader.kind(StorageKind.self)
        return StorageResource(
            name: reader.componentName, uuid: reader.componentUUID, size: Amount.read(reader, "size"))
    }
}
