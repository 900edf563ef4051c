public import Wire

/// Work in the world that a decision started: copying a file, running a session.
///
/// It is stored with the decision and may be performed again after a crash, so it looks at what is already there first.
public struct Activity: Sendable, Hashable, Codable {
    /// Unique within the participant.
    public let id: String
    /// Which work: the performer knows the names.
    public let name: String
    /// Activities of one lane are performed one after another, in the order in which they were started.
    public let lane: String
    /// What to work on.
    public let input: JSON

    public init(id: String, name: String, lane: String, input: JSON) {
        self.id = id
        self.name = name
        self.lane = lane
        self.input = input
    }
}

/// What became of an activity, or how far it is.
public struct ActivityReport: Sendable, Hashable {
    public enum Outcome: Sendable, Hashable {
        /// It goes on. Of several such reports that wait, only the newest is handled.
        case progress(JSON)
        /// It ended well.
        case completed(JSON)
        /// It ended badly: the reason in words for its owner.
        case failed(String)
        /// It was cancelled by a decision and has stopped.
        case cancelled
    }

    public let activity: Activity
    public let outcome: Outcome

    public init(activity: Activity, outcome: Outcome) {
        self.activity = activity
        self.outcome = outcome
    }

    /// Whether nothing more will come from this activity.
    public var isFinal: Bool { if case .progress = outcome { false } else { true } }
}

/// Why an activity ended badly, in words that its owner may read.
public struct ActivityFailure: Error, Sendable, CustomStringConvertible {
    public let description: String

    public init(_ reason: String) { description = reason }
}

/// What performs activities: the side of a participant that touches the world.
public protocol Performer: Sendable {
    /// Performs one activity and returns its result.
    ///
    /// It is cancelled as a task, either by a decision or because the worker stops; in the second case it will be
    /// performed again at the next start, so cancellation leaves the world as it is.
    /// - Parameter progress: reports how far it is; may be called often.
    func perform(_ activity: Activity, progress: @escaping @Sendable (JSON) -> Void) async throws -> JSON
}

/// The performer of participants that only decide.
public struct NoActivities: Performer {
    public init() {}

    public func perform(_ activity: Activity, progress: @escaping @Sendable (JSON) -> Void) async throws -> JSON {
        throw ActivityFailure("no activity is known by the name \(activity.name)")
    }
}
