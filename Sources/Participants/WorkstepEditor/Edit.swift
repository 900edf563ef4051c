internal import ExecutionModel
internal import Wire

/// The body of `srcnet.workstep.edit.v1`: `{uuid, revision?, set, value}`. A `value` of `null` clears the part.
struct Edit {
    let uuid: WorkstepID
    /// The revision that is edited; nil edits whatever is there.
    let revision: Int64?
    let part: Part
    let value: JSON?

    init(parsing json: JSON) throws(Problem) {
        let reader = JSONReader(json)
        let uuid = reader.identifier("uuid", of: WorkstepID.self, required: true)
        let revision = reader.int("revision", in: 1...Int64.max)
        let part = reader.choice("set", Part.self, required: true)
        let isCleared = json.object?["value"] == .null
        let value = isCleared ? nil : part?.read(reader, "value", required: true)
        try reader.finish()
        guard let uuid, let part else { throw Problem(.invalid, "This is no edit of a workstep") }
        self.uuid = uuid
        self.revision = revision
        self.part = part
        self.value = value
    }
}
