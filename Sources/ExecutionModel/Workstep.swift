public import Wire

/// What somebody wants to be executed: a request of the IVOA execution broker, read for decisions.
///
/// A workstep is stored and passed on as the JSON that it came as, so that fields which nobody here knows are kept;
/// this form of it holds what participants decide on.
public struct Workstep: Sendable, Hashable {
    public var executable: Executable
    public var compute: Compute
    public var storage: [StorageResource]
    public var data: [DataResource]
    public var requested: RequestedSchedule

    public init(
        executable: Executable, compute: Compute = Compute(), storage: [StorageResource] = [],
        data: [DataResource] = [], requested: RequestedSchedule = RequestedSchedule()
    ) {
        self.executable = executable
        self.compute = compute
        self.storage = storage
        self.data = data
        self.requested = requested
    }

    /// The members of a workstep that hold its parts; `computer` and `volumes` are of older generations.
    public static let parts: Set<String> = [
        "executable", "compute", "computer", "volumes", "storage", "data", "schedule", "costs", "metrics",
    ]

    /// Reads a workstep; all that is wrong with it is in one `invalid`.
    public static func parse(_ json: JSON) throws(Problem) -> Workstep {
        let reader = JSONReader(json)
        let workstep = read(reader)
        try reader.finish()
        guard let workstep else { throw Problem(.invalid, "This is no workstep") }
        return workstep
    }

    /// Reads a workstep that is part of a message. Where there is a fault the reader knows it, and what is given back
    /// is not to be used.
    public static func read(_ reader: JSONReader) -> Workstep? {
        let executable = reader.object("executable", required: true).flatMap(Executable.read)
        var compute =
            (reader.json["compute"] == nil ? reader.object("computer") : reader.object("compute")).map(Compute.read)
            ?? Compute()
        compute.volumes += reader.array("volumes")?.compactMap(Volume.read) ?? []
        let storage = reader.array("storage")?.map(StorageResource.read) ?? []
        let data = reader.array("data")?.compactMap(DataResource.read) ?? []
        let requested = reader.object("schedule")?.object("requested").map(RequestedSchedule.read)
        guard let executable else { return nil }
        let workstep = Workstep(
            executable: executable, compute: compute, storage: storage, data: data,
            requested: requested ?? RequestedSchedule())
        // References are looked up only where the parts could be read: otherwise one fault would look like two.
        if !reader.hasFaults { workstep.checkReferences(reader) }
        return workstep
    }

    private func checkReferences(_ reader: JSONReader) {
        var data: [String: Int] = [:]
        var stores: [String: Int] = [:]
        for item in self.data { for name in [item.name, item.uuid] { if let name { data[name, default: 0] += 1 } } }
        for item in storage { for name in [item.name, item.uuid] { if let name { stores[name, default: 0] += 1 } } }
        for (key, names) in [("data", data), ("storage", stores)] {
            for name in names.keys.sorted() where names[name, default: 0] > 1 {
                reader.fault(key, "the name \(name) is used more than once")
            }
        }
        for item in self.data {
            if let name = item.storage, stores[name] == nil { reader.fault("data", "there is no storage \(name)") }
        }
        let owner = reader.object(reader.json["compute"] == nil ? "computer" : "compute") ?? reader
        var paths: Set<String> = []
        for volume in compute.volumes {
            switch (data[volume.resource] != nil, stores[volume.resource] != nil) {
            case (false, false): owner.fault("volumes", "there is no data or storage \(volume.resource)")
            case (true, true): owner.fault("volumes", "\(volume.resource) is the name of data and of storage")
            default: break
            }
            if !paths.insert(volume.path).inserted {
                owner.fault("volumes", "the path \(volume.path) is used more than once")
            }
        }
    }
}

/// Which workstep of the editor an offer, session or job came from.
public struct WorkstepReference: Sendable, Hashable, Codable {
    public var uuid: WorkstepID
    public var revision: Int64?

    public init(uuid: WorkstepID, revision: Int64? = nil) {
        self.uuid = uuid
        self.revision = revision
    }

    /// `{uuid, revision}`.
    public var json: JSON {
        .object(compacting: ["uuid": .string(uuid.description), "revision": revision.map { .int($0) }])
    }

    /// Reads `uuid` and `revision` of an object.
    public static func read(_ reader: JSONReader, required: Bool = true) -> WorkstepReference? {
        let uuid = reader.identifier("uuid", of: WorkstepID.self, required: required)
        let revision = reader.int("revision", in: 1...Int64.max)
        return uuid.map { WorkstepReference(uuid: $0, revision: revision) }
    }
}
