/// The `type` of a message, `srcnet.<noun>.<verb>.v1` (contract.md). A name here is a promise to clients elsewhere.
public struct MessageType: RawRepresentable, Sendable, Hashable, Codable, CustomStringConvertible {
    /// The name on the wire.
    public let rawValue: String

    public init(rawValue: String) { self.rawValue = rawValue }
    private init(_ rawValue: String) { self.rawValue = rawValue }

    public var description: String { rawValue }
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
    public static let workstepEvent = MessageType("srcnet.event.workstep.v1")
}
