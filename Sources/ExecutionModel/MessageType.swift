/// The `type` of a message, `srcnet.<noun>.<verb>.v1` (contract.md). A name here is a promise to clients elsewhere.
public struct MessageType: RawRepresentable, Sendable, Hashable, Codable, CustomStringConvertible {
    /// The name on the wire.
    public let rawValue: String

    public init(rawValue: String) { self.rawValue = rawValue }
    private init(_ rawValue: String) { self.rawValue = rawValue }

    public var description: String { rawValue }

    /// Whether it asks and changes nothing, so that its receiver remembers nothing of it (contract.md, Idempotency).
    public var isQuery: Bool {
        let parts = rawValue.split(separator: ".")
        guard parts.count == 4 else { return false }
        return ["get", "list", "ping", "check", "locate", "resolve"].contains(parts[2])
    }
}

// Worksteps and their submission.
extension MessageType {
    public static let workstepCreate = MessageType("srcnet.workstep.create.v1")
    public static let workstepEdit = MessageType("srcnet.workstep.edit.v1")
    public static let workstepGet = MessageType("srcnet.workstep.get.v1")
    public static let workstepList = MessageType("srcnet.workstep.list.v1")
    public static let workstepExecute = MessageType("srcnet.workstep.execute.v1")
    public static let workstepSubmit = MessageType("srcnet.workstep.submit.v1")
    public static let workstep = MessageType("srcnet.workstep.v1")
    public static let worksteps = MessageType("srcnet.worksteps.v1")
}

// Offers and sessions.
extension MessageType {
    public static let offersetGet = MessageType("srcnet.offerset.get.v1")
    public static let offerset = MessageType("srcnet.offerset.v1")
    public static let offerRequest = MessageType("srcnet.offer.request.v1")
    public static let offerResponse = MessageType("srcnet.offer.response.v1")
    public static let offerClaim = MessageType("srcnet.offer.claim.v1")
    public static let offerUnclaim = MessageType("srcnet.offer.unclaim.v1")
    public static let offerClaimed = MessageType("srcnet.offer.claimed.v1")
    public static let sessionSetPhase = MessageType("srcnet.session.set-phase.v1")
    public static let sessionGet = MessageType("srcnet.session.get.v1")
    public static let sessionList = MessageType("srcnet.session.list.v1")
    public static let sessionExtend = MessageType("srcnet.session.extend.v1")
    public static let sessionLogs = MessageType("srcnet.session.logs.v1")
    public static let session = MessageType("srcnet.session.v1")
    public static let sessions = MessageType("srcnet.sessions.v1")
    public static let callback = MessageType("srcnet.callback.v1")
    public static let permissionCheck = MessageType("srcnet.permission.check.v1")
    public static let permission = MessageType("srcnet.permission.v1")
}

// What the four preparing participants are asked.
extension MessageType {
    public static let dataLocate = MessageType("srcnet.data.locate.v1")
    public static let replicas = MessageType("srcnet.replicas.v1")
    public static let imageResolve = MessageType("srcnet.image.resolve.v1")
    public static let image = MessageType("srcnet.image.v1")
    public static let dataPrepare = MessageType("srcnet.data.prepare.v1")
    public static let dataPull = MessageType("srcnet.data.pull.v1")
    public static let imagePull = MessageType("srcnet.image.pull.v1")
    public static let sessionStart = MessageType("srcnet.session.start.v1")
    public static let taskGet = MessageType("srcnet.task.get.v1")
    public static let taskCancel = MessageType("srcnet.task.cancel.v1")
    public static let taskRelease = MessageType("srcnet.task.release.v1")
    public static let task = MessageType("srcnet.task.v1")
    /// To the asker, when a task has completed or failed; with its result.
    public static let taskDone = MessageType("srcnet.task.done.v1")
    /// To the asker, when what a completed task had made has ended by itself: a session that its user closed or that died.
    public static let taskEnded = MessageType("srcnet.task.ended.v1")
}

// Batch.
extension MessageType {
    public static let jobRegister = MessageType("srcnet.job.register.v1")
    public static let jobPull = MessageType("srcnet.job.pull.v1")
    public static let jobKill = MessageType("srcnet.job.kill.v1")
    public static let jobGet = MessageType("srcnet.job.get.v1")
    public static let jobList = MessageType("srcnet.job.list.v1")
    public static let jobCancel = MessageType("srcnet.job.cancel.v1")
    public static let jobLogs = MessageType("srcnet.job.logs.v1")
    public static let jobHeartbeat = MessageType("srcnet.job.heartbeat.v1")
    public static let jobUpdate = MessageType("srcnet.job.update.v1")
    public static let jobCommand = MessageType("srcnet.job.command.v1")
    public static let job = MessageType("srcnet.job.v1")
    public static let jobs = MessageType("srcnet.jobs.v1")
    public static let workerUpdate = MessageType("srcnet.worker.update.v1")
    public static let workerKill = MessageType("srcnet.worker.kill.v1")
    public static let worker = MessageType("srcnet.worker.v1")
    public static let podSubmit = MessageType("srcnet.pod.submit.v1")
    public static let podGet = MessageType("srcnet.pod.get.v1")
    public static let podDelete = MessageType("srcnet.pod.delete.v1")
    public static let podLogs = MessageType("srcnet.pod.logs.v1")
    public static let pod = MessageType("srcnet.pod.v1")
    public static let capacityLease = MessageType("srcnet.capacity.lease.v1")
    public static let capacityRelease = MessageType("srcnet.capacity.release.v1")
    public static let capacity = MessageType("srcnet.capacity.v1")
}

// Data between sites.
extension MessageType {
    public static let ruleCreate = MessageType("srcnet.rule.create.v1")
    public static let ruleGet = MessageType("srcnet.rule.get.v1")
    public static let rule = MessageType("srcnet.rule.v1")
    public static let dataStageIn = MessageType("srcnet.data.stage-in.v1")
    public static let dataUpload = MessageType("srcnet.data.upload.v1")
    public static let resultsGet = MessageType("srcnet.results.get.v1")
    public static let datasetRegister = MessageType("srcnet.dataset.register.v1")
    public static let datasetGet = MessageType("srcnet.dataset.get.v1")
    public static let dataset = MessageType("srcnet.dataset.v1")
    public static let fileFetch = MessageType("srcnet.file.fetch.v1")
    public static let fileStore = MessageType("srcnet.file.store.v1")
    public static let file = MessageType("srcnet.file.v1")
}

// Of every participant.
extension MessageType {
    public static let participantPing = MessageType("srcnet.participant.ping.v1")
    public static let participant = MessageType("srcnet.participant.v1")
    public static let heartbeat = MessageType("srcnet.heartbeat.v1")
    public static let log = MessageType("srcnet.log.v1")
    public static let problem = MessageType("srcnet.problem.v1")
}

// Events.
extension MessageType {
    public static let offersetEvent = MessageType("srcnet.event.offerset.v1")
    public static let sessionEvent = MessageType("srcnet.event.session.v1")
    public static let taskEvent = MessageType("srcnet.event.task.v1")
    public static let jobEvent = MessageType("srcnet.event.job.v1")
    public static let workerEvent = MessageType("srcnet.event.worker.v1")
    public static let podEvent = MessageType("srcnet.event.pod.v1")
    public static let datasetEvent = MessageType("srcnet.event.dataset.v1")
    public static let workstepEvent = MessageType("srcnet.event.workstep.v1")
}
