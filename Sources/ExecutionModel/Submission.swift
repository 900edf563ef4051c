public import Wire

/// The body of `srcnet.workstep.submit.v1`.
public struct Submission: Sendable, Hashable {
    /// How the work is to be done.
    public enum Mode: String, Sendable, Hashable, CaseIterable {
        case interactive, batch
    }

    /// What was submitted.
    public enum Content: Sendable, Hashable {
        /// A workstep that the editor keeps.
        case reference(WorkstepReference)
        /// The parts themselves, as JSON, and the workstep that they are a copy of.
        case parts(JSON, Workstep, from: WorkstepReference?)
    }

    public var content: Content
    public var mode: Mode
    /// Until when offers are gathered.
    public var deadline: Timestamp
    /// For batch only.
    public var callback: JSON?

    /// How long offers are gathered where the submission does not say (contract.md, Limits).
    public static let defaultGather = Duration.seconds(2)
    /// The shortest and the longest that may be asked for.
    public static let shortestGather = Duration.milliseconds(100)
    public static let longestGather = Duration.seconds(60)

    /// Reads the body as of the instant that it came; all that is wrong is in one `invalid`.
    public static func parse(_ json: JSON, at now: Timestamp) throws(Problem) -> Submission {
        let reader = JSONReader(json)
        let mode = reader.choice("mode", Mode.self) ?? .interactive
        let deadline = readDeadline(reader, "deadline", at: now)
        let callback = reader.object("callback")
        if callback != nil, mode == .interactive {
            callback?.fault(nil, "is for batch only: an interactive session's callback goes with its acceptance")
        }
        let content = reader.object("workstep", required: true).flatMap(readContent)
        try reader.finish()
        guard let content else { throw Problem(.invalid, "This is no submission") }
        return Submission(
            content: content, mode: mode, deadline: deadline ?? now + defaultGather, callback: callback?.json)
    }

    /// A deadline of a gather, between the shortest and the longest from now.
    static func readDeadline(_ reader: JSONReader, _ key: String, at now: Timestamp) -> Timestamp? {
        guard let deadline = reader.timestamp(key) else { return nil }
        let wait = deadline - now
        if wait < shortestGather || wait > longestGather { reader.fault(key, "must be 100 ms to 60 s from now") }
        return deadline
    }

    private static func readContent(_ reader: JSONReader) -> Content? {
        let hasParts = reader.json.object?.keys.contains { Workstep.parts.contains($0) } ?? false
        let reference = WorkstepReference.read(reader, required: false)
        guard hasParts else {
            if reader.json["uuid"] == nil { reader.fault(nil, "must have a uuid, or an executable and its resources") }
            return reference.map { .reference($0) }
        }
        guard let workstep = Workstep.read(reader) else { return nil }
        return .parts(reader.json.keeping(Workstep.parts), workstep, from: reference)
    }
}

extension JSON {
    /// An object with some of its members only.
    func keeping(_ keys: Set<String>) -> JSON { .object((object ?? [:]).filter { keys.contains($0.key) }) }
}

/// The body of `srcnet.offer.request.v1`: one site is asked for offers.
public struct OfferRequest: Sendable, Hashable {
    /// The parts of the workstep as they were submitted.
    public var parts: JSON
    /// The same, read.
    public var request: Workstep
    public var workstep: WorkstepReference?
    public var offerset: OfferSetID
    public var owner: Owner
    /// After this nobody waits for the offers.
    public var deadline: Timestamp

    /// Reads the body; all that is wrong is in one `invalid`.
    public init(parsing json: JSON) throws(Problem) {
        let reader = JSONReader(json)
        let parts = reader.object("request", required: true)
        let request = parts.flatMap(Workstep.read)
        let workstep = reader.object("workstep").flatMap { WorkstepReference.read($0) }
        let offerset = reader.identifier("offerset", of: OfferSetID.self, required: true)
        let owner = reader.object("owner", required: true).flatMap(Owner.read)
        let deadline = reader.timestamp("deadline", required: true)
        try reader.finish()
        guard let parts, let request, let offerset, let owner, let deadline else {
            throw Problem(.invalid, "This is no request for offers")
        }
        self.init(
            parts: parts.json, request: request, workstep: workstep, offerset: offerset, owner: owner,
            deadline: deadline)
    }

    public init(
        parts: JSON, request: Workstep, workstep: WorkstepReference?, offerset: OfferSetID, owner: Owner,
        deadline: Timestamp
    ) {
        self.parts = parts
        self.request = request
        self.workstep = workstep
        self.offerset = offerset
        self.owner = owner
        self.deadline = deadline
    }

    /// The body on the wire.
    public var json: JSON {
        .object(compacting: [
            "request": parts, "workstep": workstep?.json, "offerset": .string(offerset.description),
            "owner": owner.json, "deadline": .string(deadline.description),
        ])
    }
}
