public import Wire

/// `srcnet.data.locate.v1` to `prepare-data.<site>`: `{data: [{scope, name, type?}]}`, answered by `Replicas`.
public struct LocateQuery: Sendable, Hashable {
    public var data: [DataIdentifier]

    public init(data: [DataIdentifier]) { self.data = data }

    public var json: JSON { ["data": .array(data.map(\.json))] }

    /// Reads a body; what is missing or wrong is `invalid`.
    public init(_ body: JSON) throws(Problem) {
        let reader = JSONReader(body)
        let readers = reader.array("data", required: true) ?? []
        let data = readers.compactMap { DataIdentifier.read($0, scope: "scope", name: "name", type: "type") }
        try reader.finish()
        self.init(data: data)
    }
}

/// `srcnet.replicas.v1`: where data lies, and what bringing it to the site that answers would take.
public struct Replicas: Sendable, Hashable {
    /// What is known of one DID.
    public struct Entry: Sendable, Hashable {
        public var did: DataIdentifier
        /// All its files together.
        public var bytes: Int64
        public var files: Int64
        /// The checksum of a file, 8 hexadecimal digits; nil for datasets and containers.
        public var adler32: String?
        /// The storages that hold all of it.
        public var rses: [String]
        /// Whether all of it lies at this site.
        public var local: Bool
        /// How many bytes a second a copy from the nearest replica gets, as measured here; nil where nothing is copied.
        public var bytesPerSecond: Int64?
        /// How long it takes until it is in a session's area; nil where no storage that holds it can be reached.
        public var seconds: Double?

        public init(
            did: DataIdentifier, bytes: Int64, files: Int64, adler32: String?, rses: [String], local: Bool,
            bytesPerSecond: Int64?, seconds: Double?
        ) {
            self.did = did
            self.bytes = bytes
            self.files = files
            self.adler32 = adler32
            self.rses = rses
            self.local = local
            self.bytesPerSecond = bytesPerSecond
            self.seconds = seconds
        }

        var json: JSON {
            let own: [String: JSON?] = [
                "bytes": .int(bytes), "files": .int(files), "adler32": adler32.map(JSON.string),
                "rses": .array(rses.map(JSON.string)), "local": .bool(local),
                "bytesPerSecond": bytesPerSecond.map(JSON.int), "seconds": seconds.map(JSON.double),
            ]
            return .object(compacting: (did.json.object ?? [:]).mapValues { $0 as JSON? }.merging(own) { $1 })
        }

        static func read(_ reader: JSONReader) -> Entry? {
            let did = DataIdentifier.read(reader, scope: "scope", name: "name", type: "type")
            let bytes = reader.int("bytes", in: 0...Int64.max, required: true)
            let files = reader.int("files", in: 0...Int64.max) ?? 1
            let rses = reader.strings("rses", required: true)
            let local = reader.bool("local", required: true)
            let adler32 = reader.text("adler32")
            let rate = reader.int("bytesPerSecond", in: 0...Int64.max)
            if let seconds = reader.json["seconds"], (seconds.double ?? -1) < 0 {
                reader.fault("seconds", "must be a number of seconds")
            }
            guard let did, let bytes, let rses, let local else { return nil }
            return Entry(
                did: did, bytes: bytes, files: files, adler32: adler32, rses: rses, local: local, bytesPerSecond: rate,
                seconds: reader.json["seconds"]?.double)
        }
    }

    public var replicas: [Entry]
    /// What no catalogue knows.
    public var unknown: [DataIdentifier]

    public init(replicas: [Entry], unknown: [DataIdentifier]) {
        self.replicas = replicas
        self.unknown = unknown
    }

    public var json: JSON {
        ["replicas": .array(replicas.map(\.json)), "unknown": .array(unknown.map(\.json))]
    }

    /// Reads a body; what is missing or wrong is `invalid`.
    public init(_ body: JSON) throws(Problem) {
        let reader = JSONReader(body)
        let replicas = (reader.array("replicas", required: true) ?? []).compactMap(Entry.read)
        let unknown = (reader.array("unknown") ?? [])
            .compactMap { DataIdentifier.read($0, scope: "scope", name: "name", type: "type") }
        try reader.finish()
        self.init(replicas: replicas, unknown: unknown)
    }
}

/// `srcnet.image.resolve.v1` to `harbor.<site>`: `{image, platform?}`; `image` is a name such as `srcnet/notebook:1`, or
/// the `{locations, digest?, platform?}` of a workstep. Answered by `ImageDocument`; an unknown image is `not-found`.
public struct ResolveQuery: Sendable, Hashable {
    public var image: ImageReference

    public init(image: ImageReference) { self.image = image }

    public var json: JSON { ["image": image.json] }

    /// Reads a body; what is missing or wrong is `invalid`.
    public init(_ body: JSON) throws(Problem) {
        var body = body
        if let name = body["image"]?.string {
            body["image"] = .object(compacting: ["locations": [.string(name)], "platform": body["platform"]])
        }
        let reader = JSONReader(body)
        let image = reader.object("image", required: true).flatMap(ImageReference.read)
        try reader.finish()
        guard let image else { throw Problem(.invalid, "not an image") }
        self.init(image: image)
    }
}

/// `srcnet.image.v1`, and the result of a pull: what is known of an image.
public struct ImageDocument: Sendable, Hashable {
    /// The name it was asked by.
    public var name: String
    /// `sha256:…` of its manifest, which names it for good.
    public var digest: String
    /// Bytes of all its blobs.
    public var size: Int64
    /// Whether it is unpacked in the site's store, so that a pull has nothing to do.
    public var present: Bool
    public var entrypoint: [String]
    /// The short name of what it runs, where its label says so: `jupyter-notebook`, `visualisation`, `terminal`.
    public var kind: String?
    /// How many bytes a second a pull gets, as measured here.
    public var bytesPerSecond: Int64?
    /// How long a pull would take.
    public var seconds: Double?

    public init(
        name: String, digest: String, size: Int64, present: Bool, entrypoint: [String] = [], kind: String? = nil,
        bytesPerSecond: Int64? = nil, seconds: Double? = nil
    ) {
        self.name = name
        self.digest = digest
        self.size = size
        self.present = present
        self.entrypoint = entrypoint
        self.kind = kind
        self.bytesPerSecond = bytesPerSecond
        self.seconds = seconds
    }

    public var json: JSON {
        .object(compacting: [
            "image": .string(name), "digest": .string(digest), "size": .int(size), "present": .bool(present),
            "entrypoint": .array(entrypoint.map(JSON.string)), "kind": kind.map(JSON.string),
            "bytesPerSecond": bytesPerSecond.map(JSON.int), "seconds": seconds.map(JSON.double),
        ])
    }

    /// Reads a body; what is missing or wrong is `invalid`.
    public init(_ body: JSON) throws(Problem) {
        let reader = JSONReader(body)
        let name = reader.text("image", required: true)
        let digest = reader.text("digest", required: true)
        let size = reader.int("size", in: 0...Int64.max, required: true)
        let present = reader.bool("present", required: true)
        let entrypoint = reader.strings("entrypoint") ?? []
        let kind = reader.text("kind")
        let rate = reader.int("bytesPerSecond", in: 0...Int64.max)
        try reader.finish()
        guard let name, let digest, let size, let present else { throw Problem(.invalid, "not an image") }
        self.init(
            name: name, digest: digest, size: size, present: present, entrypoint: entrypoint, kind: kind,
            bytesPerSecond: rate, seconds: body["seconds"]?.double)
    }
}

/// `srcnet.session.logs.v1` as the broker passes it on to `canfar.<site>`: `{task, session, limit?}`, answered by
/// `SessionLog`, straight to who asked the broker.
public struct SessionLogQuery: Sendable, Hashable {
    public var task: TaskID
    public var session: SessionID
    /// At most so many of the last bytes, up to 64 KiB.
    public var limit: Int

    public init(task: TaskID, session: SessionID, limit: Int = 65_536) {
        self.task = task
        self.session = session
        self.limit = limit
    }

    public var json: JSON {
        [
            "task": .string(task.description), "session": .string(session.description), "limit": .int(Int64(limit)),
        ]
    }

    /// Reads a body; what is missing or wrong is `invalid`.
    public init(_ body: JSON) throws(Problem) {
        let reader = JSONReader(body)
        let task = reader.identifier("task", of: TaskID.self, required: true)
        let session = reader.identifier("session", of: SessionID.self, required: true)
        let limit = reader.int("limit", in: 1...65_536)
        try reader.finish()
        guard let task, let session else { throw Problem(.invalid, "not a session") }
        self.init(task: task, session: session, limit: Int(limit ?? 65_536))
    }
}

/// `srcnet.log.v1` of a session: the last of what its programs wrote.
public struct SessionLog: Sendable, Hashable {
    public var task: TaskID
    public var session: SessionID
    public var text: String

    public init(task: TaskID, session: SessionID, text: String) {
        self.task = task
        self.session = session
        self.text = text
    }

    public var json: JSON {
        ["task": .string(task.description), "session": .string(session.description), "text": .string(text)]
    }
}
