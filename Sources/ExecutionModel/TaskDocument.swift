public import Wire

/// `status` of a task, as it can be asked for at any time (contract.md, `srcnet.task.v1`).
public enum TaskStatus: String, Sendable, Hashable, Codable, CaseIterable {
    case running, completed, failed
}

/// How far a task is.
public struct TaskProgress: Sendable, Hashable, Codable {
    /// What is done, in `unit`.
    public var done: Int64
    /// What there is to do, where it is known.
    public var total: Int64?
    /// `bytes`, `files`, `steps`.
    public var unit: String

    public init(done: Int64, total: Int64?, unit: String = "bytes") {
        self.done = done
        self.total = total
        self.unit = unit
    }

    /// The next report: what is done never grows less, also where the work began anew after a restart.
    func advanced(to next: TaskProgress) -> TaskProgress {
        guard unit == next.unit, total == next.total || total == nil else { return next }
        return TaskProgress(done: max(done, next.done), total: next.total, unit: unit)
    }

    /// `{done, total, unit}`; `total` is missing where it is not known.
    public var json: JSON {
        .object(compacting: ["done": .int(done), "total": total.map { .int($0) }, "unit": .string(unit)])
    }

    /// nil where the value does not say how far something is.
    public init?(_ json: JSON?) {
        guard let json, let done = json["done"]?.int else { return nil }
        self.init(done: done, total: json["total"]?.int, unit: json["unit"]?.string ?? "bytes")
    }
}

/// Why a task has failed.
public struct TaskFailure: Error, Sendable, Hashable, Codable {
    /// A word for programs, such as `cancelled`, `checksum-mismatch`, `deadline-exceeded`.
    public var reason: String
    /// A sentence for people, where there is more to say.
    public var detail: String?

    public init(_ reason: String, _ detail: String? = nil) {
        self.reason = reason
        self.detail = detail
    }

    /// Somebody has called it off.
    public static let cancelled = TaskFailure("cancelled")
    /// It was not done by the time that its asker gave.
    public static let deadlineExceeded = TaskFailure("deadline-exceeded", "It was not done in time")
    /// A restart of the participant found nothing of it.
    public static let lost = TaskFailure("lost", "Nothing was left of it after a restart")
}

/// How what a completed task had made has ended by itself.
public struct TaskEnd: Sendable, Hashable, Codable {
    /// A word for programs, such as `closed`, `exited`, `lost`.
    public var reason: String
    /// Whether it should not have ended so.
    public var isFailure: Bool

    public init(_ reason: String, isFailure: Bool) {
        self.reason = reason
        self.isFailure = isFailure
    }

    /// `{reason, failed}`.
    public var json: JSON { ["reason": .string(reason), "failed": .bool(isFailure)] }

    /// nil where the value tells of no end.
    public init?(_ json: JSON?) {
        guard let reason = json?["reason"]?.string else { return nil }
        self.init(reason, isFailure: json?["failed"]?.bool ?? false)
    }
}

/// What `srcnet.task.v1`, `srcnet.task.done.v1` and `srcnet.task.ended.v1` say of a task, for who reads them.
public struct TaskDocument: Sendable, Hashable {
    public var task: TaskID
    /// The session that it prepares; nil for one that was cancelled before it came.
    public var session: SessionID?
    public var status: TaskStatus
    public var progress: TaskProgress?
    public var failure: TaskFailure?
    /// Whether all that it made is gone again.
    public var released: Bool
    /// How what it made has ended by itself, where it has.
    public var ended: TaskEnd?
    /// What it made, for its asker alone: it may hold a URL with a token.
    public var result: JSON?

    public init(
        task: TaskID, session: SessionID?, status: TaskStatus, progress: TaskProgress? = nil,
        failure: TaskFailure? = nil, released: Bool = false, ended: TaskEnd? = nil, result: JSON? = nil
    ) {
        self.task = task
        self.session = session
        self.status = status
        self.progress = progress
        self.failure = failure
        self.released = released
        self.ended = ended
        self.result = result
    }

    public var json: JSON {
        .object(compacting: [
            "task": .string(task.description), "session": session.map { .string($0.description) },
            "status": .string(status.rawValue), "progress": progress?.json,
            "reason": failure.map { .string($0.reason) }, "detail": failure?.detail.map { .string($0) },
            "released": .bool(released), "ended": ended?.json, "result": result,
        ])
    }

    /// Reads a body; what is missing or wrong is `invalid`.
    public init(_ json: JSON) throws(Problem) {
        let reader = JSONReader(json)
        let task = reader.identifier("task", of: TaskID.self, required: true)
        let session = reader.identifier("session", of: SessionID.self)
        let status = reader.choice("status", TaskStatus.self, required: true)
        let reason = reader.string("reason")
        let detail = reader.string("detail")
        let released = reader.bool("released")
        try reader.finish()
        guard let task, let status else { throw Problem(.invalid, "not a task") }
        self.init(
            task: task, session: session, status: status, progress: TaskProgress(json["progress"]),
            failure: status == .failed ? TaskFailure(reason ?? "unknown", detail) : nil, released: released ?? false,
            ended: TaskEnd(json["ended"]), result: json["result"])
    }

    /// What the events of a task say: never its result (contract.md, Events).
    public var event: JSON {
        .object(compacting: [
            "task": .string(task.description), "session": session.map { .string($0.description) },
            "status": .string(status.rawValue), "progress": progress?.json,
            "reason": failure.map { .string($0.reason) }, "detail": failure?.detail.map { .string($0) },
        ])
    }
}
