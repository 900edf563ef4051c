package import ExecutionModel
package import MessageBus
package import Wire

/// A workstep as the editor keeps it: its parts as they came, so that fields which nobody here knows are kept.
package struct StoredWorkstep: Sendable, Hashable, Codable {
    /// The kind under which it is stored.
    static let kind = "workstep"
    /// A workstep is part of a message when it is read or executed, so it stays below the limit of one.
    static let sizeLimit = (1 << 20) - (1 << 14)

    package let uuid: WorkstepID
    /// Counts up by one with each edit, from 1.
    package private(set) var revision: Int64
    package let owner: Caller
    package let created: Timestamp
    package private(set) var modified: Timestamp
    /// The parts that are set, by their names.
    package private(set) var parts: [String: JSON]

    package init(uuid: WorkstepID, owner: Caller, parts: [Part: JSON], at now: Timestamp) throws(Problem) {
        self.uuid = uuid
        self.owner = owner
        revision = 1
        created = now
        modified = now
        self.parts = Dictionary(uniqueKeysWithValues: parts.map { ($0.key.rawValue, $0.value) })
        try checkSize()
    }

    /// Sets a part, or clears it where there is no value. A revision that is named must be the present one.
    package mutating func set(
        _ part: Part, to value: JSON?, ifRevision expected: Int64?, at now: Timestamp
    ) throws(Problem) {
        try check(expected)
        parts[part.rawValue] = value
        revision += 1
        modified = now
        try checkSize()
    }

    /// Whether a revision that is asked for is the present one. Earlier ones are not kept.
    package func check(_ expected: Int64?) throws(Problem) {
        guard let expected, expected != revision else { return }
        throw Problem(
            .revisionConflict, "workstep \(uuid) has revision \(revision), not \(expected): read it again",
            members: ["revision": .int(revision)])
    }

    private func checkSize() throws(Problem) {
        let size = json.bytes.count
        guard size <= Self.sizeLimit else {
            throw Problem(.tooLarge, "the workstep would have \(size) bytes; at most \(Self.sizeLimit) can be kept")
        }
    }

    /// What it is listed by.
    static func group(of owner: Caller) -> String { "\(owner.iss) \(owner.sub)" }

    /// The body of `srcnet.workstep.v1`.
    package var json: JSON {
        var body = parts
        body["uuid"] = .string(uuid.description)
        body["revision"] = .int(revision)
        body["owner"] = ownerJSON
        body["created"] = .string(created.description)
        body["modified"] = .string(modified.description)
        return .object(body)
    }

    /// What it looks like in a list, where its parts would be too much.
    package var summary: JSON {
        .object(compacting: [
            "uuid": .string(uuid.description), "revision": .int(revision), "created": .string(created.description),
            "modified": .string(modified.description), "name": parts["executable"]?["meta"]?["name"],
            "kind": parts["executable"]?["kind"],
        ])
    }

    /// The workstep as it is submitted for execution.
    package var submission: JSON {
        var body = parts
        body["uuid"] = .string(uuid.description)
        body["revision"] = .int(revision)
        return .object(body)
    }

    /// The body of `srcnet.event.workstep.v1`.
    var event: JSON {
        ["uuid": .string(uuid.description), "revision": .int(revision), "owner": ownerJSON]
    }

    private var ownerJSON: JSON { ["iss": .string(owner.iss), "sub": .string(owner.sub)] }
}
