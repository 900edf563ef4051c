public import Wire

/// The body of `srcnet.task.get.v1`, `.cancel.v1` and `.release.v1`: `{task, keep?}`.
///
/// The order that the broker keeps: first the session's own task (`canfar`) is released, so that no process of it
/// lives; then, with `keep`, that of `cavern`; then the others. Who leaves the session's area last removes it.
public struct TaskReference: Sendable, Hashable {
    public var task: TaskID
    /// With a release at `cavern`: what the session left in `output` goes into the user's own folder first. Without it
    /// nothing is kept.
    public var keep: Bool

    public init(task: TaskID, keep: Bool = false) {
        self.task = task
        self.keep = keep
    }

    public var json: JSON {
        .object(compacting: ["task": .string(task.description), "keep": keep ? true : nil])
    }

    /// Reads a body; what is missing or wrong is `invalid`.
    public init(_ body: JSON) throws(Problem) {
        let reader = JSONReader(body)
        let task = reader.identifier("task", of: TaskID.self, required: true)
        let keep = reader.bool("keep") ?? false
        try reader.finish()
        guard let task else { throw Problem(.invalid, "not a task") }
        self.init(task: task, keep: keep)
    }
}
