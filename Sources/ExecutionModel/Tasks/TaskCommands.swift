public import Wire

/// What all four commands that start a task begin with: `{task, session, owner: {iss, sub, groups}, deadline?}`.
///
/// Where the session's area lies is not in it: each participant derives the folder from the session's UUID and its own
/// site's configuration, so that no path ever travels.
public struct TaskHead: Sendable, Hashable {
    /// The task's UUID, which the broker chooses.
    public var task: TaskID
    /// The session that is prepared.
    public var session: SessionID
    /// Whose session it is.
    public var owner: Owner
    /// The instant after which the task has failed.
    public var deadline: Timestamp?

    public init(task: TaskID, session: SessionID, owner: Owner, deadline: Timestamp? = nil) {
        self.task = task
        self.session = session
        self.owner = owner
        self.deadline = deadline
    }

    var members: [String: JSON?] {
        [
            "task": .string(task.description), "session": .string(session.description), "owner": owner.json,
            "deadline": deadline.map { .string($0.description) },
        ]
    }

    static func read(_ reader: JSONReader) -> TaskHead? {
        let task = reader.identifier("task", of: TaskID.self, required: true)
        let session = reader.identifier("session", of: SessionID.self, required: true)
        let owner = reader.object("owner", required: true).flatMap(Owner.read)
        let deadline = reader.timestamp("deadline")
        guard let task, let session, let owner else { return nil }
        return TaskHead(task: task, session: session, owner: owner, deadline: deadline)
    }
}

/// A command that starts a task: the broker writes its body, one of the preparing participants reads it.
public protocol TaskCommand: Sendable, Hashable {
    /// The type of the message.
    static var messageType: MessageType { get }
    var head: TaskHead { get }
    /// The body.
    var json: JSON { get }
    /// Reads a body, all of whose faults are noted with the reader; nil where there are any.
    static func read(_ reader: JSONReader) -> Self?
}

extension TaskCommand {
    /// Reads a body; what is missing or wrong is `invalid`, every fault with its pointer.
    public init(_ body: JSON) throws(Problem) {
        let reader = JSONReader(body)
        let command = Self.read(reader)
        try reader.finish()
        guard let command else { throw Problem(.invalid, "not a command to start a task") }
        self = command
    }
}

/// `srcnet.data.prepare.v1` to `prepare-data.<site>`: puts data into the folder `data` of the session's area.
///
/// Body: the head, and `data: [{scope, name, type?, as?}]`, 1 to 1,000.
/// Result: `PreparedData`.
public struct PrepareDataCommand: TaskCommand {
    /// One DID, and where in `data` it goes.
    public struct Item: Sendable, Hashable {
        public var did: DataIdentifier
        /// A relative path: the file, or the folder of a dataset's files. The DID's name where nothing else is said.
        public var path: String

        public init(did: DataIdentifier, path: String? = nil) {
            self.did = did
            self.path = path ?? did.name
        }
    }

    public static let messageType = MessageType.dataPrepare
    public var head: TaskHead
    public var data: [Item]

    public init(head: TaskHead, data: [Item]) {
        self.head = head
        self.data = data
    }

    public var json: JSON {
        let items = data.map { item -> JSON in
            var json = item.did.json
            json["as"] = .string(item.path)
            return json
        }
        return .object(compacting: head.members.merging(["data": .array(items)]) { $1 })
    }

    public static func read(_ reader: JSONReader) -> PrepareDataCommand? {
        let head = TaskHead.read(reader)
        let readers = reader.array("data", required: true)
        if readers?.isEmpty == true { reader.fault("data", "must name one or more") }
        var items: [Item] = []
        var taken = TakenPaths()
        for item in readers ?? [] {
            let path = item.relativePath("as")
            guard let did = DataIdentifier.read(item, scope: "scope", name: "name", type: "type") else { continue }
            let placed = Item(did: did, path: path)
            if !isRelativePath(placed.path) {
                item.fault("as", "is required where the name cannot be that of a file")
            } else if !taken.take(placed.path) {
                item.fault("as", "\(placed.path) is taken by another of the data")
            }
            items.append(placed)
        }
        return head.map { PrepareDataCommand(head: $0, data: items) }
    }
}

/// `srcnet.data.pull.v1` to `cavern.<site>`: pulls the user's own folder into `home` of the session's area, and makes
/// `output`, where the session leaves its results.
///
/// Body: the head, and `paths?: []`, relative to the user's folder; all of it where there are none.
/// Result: `{files, bytes}`.
public struct PullDataCommand: TaskCommand {
    public static let messageType = MessageType.dataPull
    public var head: TaskHead
    public var paths: [String]

    public init(head: TaskHead, paths: [String] = []) {
        self.head = head
        self.paths = paths
    }

    public var json: JSON {
        let list = paths.isEmpty ? nil : JSON.array(paths.map(JSON.string))
        return .object(compacting: head.members.merging(["paths": list]) { $1 })
    }

    public static func read(_ reader: JSONReader) -> PullDataCommand? {
        let head = TaskHead.read(reader)
        let paths = reader.strings("paths") ?? []
        for path in paths where !isRelativePath(path) {
            reader.fault("paths", "\(path) must be a relative path without . or ..")
        }
        return head.map { PullDataCommand(head: $0, paths: paths) }
    }
}

/// `srcnet.image.pull.v1` to `harbor.<site>`: copies an image into the site's store, each blob verified, and unpacks it.
///
/// Body: the head, and `image: {locations, digest?, platform?}`. With a digest that image is meant, whatever its tag
/// names by now. Result: `ImageDocument`.
public struct PullImageCommand: TaskCommand {
    public static let messageType = MessageType.imagePull
    public var head: TaskHead
    public var image: ImageReference

    public init(head: TaskHead, image: ImageReference) {
        self.head = head
        self.image = image
    }

    public var json: JSON { .object(compacting: head.members.merging(["image": image.json]) { $1 }) }

    public static func read(_ reader: JSONReader) -> PullImageCommand? {
        let head = TaskHead.read(reader)
        let image = reader.object("image", required: true).flatMap(ImageReference.read)
        guard let head, let image else { return nil }
        return PullImageCommand(head: head, image: image)
    }
}
