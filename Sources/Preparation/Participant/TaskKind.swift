package import ExecutionModel
package import Wire

/// What tells one preparing participant from another: its name, its one command, the question it answers.
package protocol TaskKind: Sendable {
    /// The command that starts its tasks.
    associatedtype Command: TaskCommand
    /// What it can be asked besides its tasks.
    associatedtype Query: TaskQuery = NoQuery

    static var participant: ParticipantName { get }
    /// The name of the activity that does the work; fault points and logs know it by it.
    static var work: String { get }
    /// Whether what it makes can end by itself, and is watched from its completion to its release.
    static var isWatched: Bool { get }
}

extension TaskKind {
    package static var isWatched: Bool { false }
}

/// A question whose answer needs a look at the world, so that an activity finds it and the answer is its report.
///
/// The question is part of the stored activity: after a crash it is looked up again, unless its time is over.
package protocol TaskQuery: Sendable {
    static var messageType: MessageType { get }
    static var answerType: MessageType { get }
    /// Whether only the site's broker may ask it.
    static var isForBrokerOnly: Bool { get }
    /// Reads a body; what is missing or wrong is `invalid`.
    init(_ body: JSON) throws(Problem)
    /// The body.
    var json: JSON { get }
}

extension TaskQuery {
    package static var isForBrokerOnly: Bool { false }
}

/// The question of participants that answer none.
package struct NoQuery: TaskQuery {
    package static let messageType = MessageType(rawValue: "")
    package static let answerType = MessageType(rawValue: "")

    package init(_ body: JSON) throws(Problem) { throw Problem(.unknownType, "nothing is answered here") }

    package var json: JSON { [:] }
}

extension LocateQuery: TaskQuery {
    package static let messageType = MessageType.dataLocate
    package static let answerType = MessageType.replicas
}

extension ResolveQuery: TaskQuery {
    package static let messageType = MessageType.imageResolve
    package static let answerType = MessageType.image
}

extension SessionLogQuery: TaskQuery {
    package static let messageType = MessageType.sessionLogs
    package static let answerType = MessageType.log
    package static let isForBrokerOnly = true
}
