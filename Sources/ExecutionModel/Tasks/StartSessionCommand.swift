public import Wire

/// `srcnet.session.start.v1` to `canfar.<site>`: runs the session in a container of the pulled image, with its area at
/// `/session`, and answers with `srcnet.task.done.v1` once it answers over HTTP.
///
/// Body: the head, and `{kind, image: {locations, digest}, cores, memory, location?, command?, entrypoint?,
/// environment?, volumes?: [{path, source, mode}]}`; `kind` is the short name of the executable's kind, such as
/// `jupyter-notebook`; `memory` is in GiB. The image's digest is required: it is the one that was pulled.
/// Result: `StartedSession`.
public struct StartSessionCommand: TaskCommand {
    /// A part of the session's area, seen at another path as well.
    public struct Mount: Sendable, Hashable {
        /// Where the session sees it: absolute.
        public var path: String
        /// Relative to the area, such as `data/cube`.
        public var source: String
        public var mode: Volume.Mode

        public init(path: String, source: String, mode: Volume.Mode = .readOnly) {
            self.path = path
            self.source = source
            self.mode = mode
        }
    }

    public static let messageType = MessageType.sessionStart
    public var head: TaskHead
    public var kind: ExecutableKind
    public var image: ImageReference
    public var cores: Int64
    /// GiB.
    public var memory: Int64
    /// The URL of a notebook that the session begins with.
    public var location: String?
    public var command: [String]
    public var entrypoint: String?
    public var environment: [String: String]
    public var mounts: [Mount]

    public init(
        head: TaskHead, kind: ExecutableKind, image: ImageReference, cores: Int64, memory: Int64,
        location: String? = nil, command: [String] = [], entrypoint: String? = nil,
        environment: [String: String] = [:], mounts: [Mount] = []
    ) {
        self.head = head
        self.kind = kind
        self.image = image
        self.cores = cores
        self.memory = memory
        self.location = location
        self.command = command
        self.entrypoint = entrypoint
        self.environment = environment
        self.mounts = mounts
    }

    public var json: JSON {
        let volumes = mounts.map { mount -> JSON in
            [
                "path": .string(mount.path), "source": .string(mount.source), "mode": .string(mount.mode.rawValue),
            ]
        }
        let members: [String: JSON?] = [
            "kind": .string(kind.rawValue), "image": image.json, "cores": .int(cores), "memory": .int(memory),
            "location": location.map(JSON.string), "entrypoint": entrypoint.map(JSON.string),
            "command": command.isEmpty ? nil : .array(command.map(JSON.string)),
            "environment": environment.isEmpty ? nil : .object(environment.mapValues(JSON.string)),
            "volumes": volumes.isEmpty ? nil : .array(volumes),
        ]
        return .object(compacting: head.members.merging(members) { $1 })
    }

    public static func read(_ reader: JSONReader) -> StartSessionCommand? {
        let head = TaskHead.read(reader)
        let kind = reader.choice("kind", ExecutableKind.self, required: true)
        let imageReader = reader.object("image", required: true)
        let image = imageReader.flatMap(ImageReference.read)
        if let image, image.digest == nil { imageReader?.fault("digest", "is required: the one that was pulled") }
        let cores = reader.int("cores", in: 1...Amount.most, required: true)
        let memory = reader.int("memory", in: 1...Amount.most, required: true)
        let location = reader.text("location")
        let command = reader.strings("command") ?? []
        let entrypoint = reader.text("entrypoint")
        let environment = readEnvironment(reader)
        let mounts = reader.array("volumes")?.compactMap(Mount.read) ?? []
        guard let head, let kind, let image, let cores, let memory else { return nil }
        return StartSessionCommand(
            head: head, kind: kind, image: image, cores: cores, memory: memory, location: location, command: command,
            entrypoint: entrypoint, environment: environment, mounts: mounts)
    }

    private static func readEnvironment(_ reader: JSONReader) -> [String: String] {
        guard let object = reader.object("environment") else { return [:] }
        var environment: [String: String] = [:]
        for (name, value) in object.json.object ?? [:] {
            guard let text = value.string, !text.contains("\0"), !name.isEmpty, !name.contains("="),
                !name.contains("\0")
            else {
                object.fault(name, "must be a string under the name of a variable")
                continue
            }
            environment[name] = text
        }
        return environment
    }
}

extension StartSessionCommand.Mount {
    fileprivate static func read(_ reader: JSONReader) -> StartSessionCommand.Mount? {
        let path = reader.text("path", required: true)
        if let path, !path.hasPrefix("/") || !isRelativePath(String(path.dropFirst())) {
            reader.fault("path", "must be an absolute path without . or ..")
        }
        let source = reader.relativePath("source", required: true)
        let mode = reader.choice("mode", Volume.Mode.self) ?? .readOnly
        guard let path, let source else { return nil }
        return StartSessionCommand.Mount(path: path, source: source, mode: mode)
    }
}
