public import Store
public import Wire

/// What a participant decides. It touches nothing of the world: it reads and changes through the `Decision` alone.
///
/// A value whose stored properties are caches of what its store says, such as an index over bookings: the loop makes
/// them anew by `restore` whenever a transaction failed.
public protocol Participant: Sendable {
    /// The types that it takes, and how each is treated.
    static var accepts: [String: Treatment] { get }

    /// Fills what is kept in memory from the store. Called before the first decision, when a transaction is tried again,
    /// and after a decision that ended in a fault, then in the middle of a transaction.
    mutating func restore(from store: any StoreTransaction, at now: Timestamp) throws

    /// Decides on one input. What is thrown undoes what this decision collected. A thrown `Problem` is the answer; a fault
    /// (`internal`, `unavailable`, or any other error) has the message handled again later, where that is of use: then
    /// what is kept in memory is made anew. An error of the store undoes the whole batch.
    mutating func decide(_ input: Input, _ decision: inout Decision) throws

    /// What its heartbeats say in addition, such as the free capacity.
    var vitalSigns: JSON? { get }
}

extension Participant {
    public mutating func restore(from store: any StoreTransaction, at now: Timestamp) throws {}
    public var vitalSigns: JSON? { nil }
}

/// How the bus treats messages of a type.
public enum Treatment: Sendable, Hashable {
    /// Has an effect, once; its answer is remembered. It needs a `message_id`.
    case command
    /// Has no effect and is not remembered.
    case query
    /// Answers a question of this participant. One that is wrong is parked, never answered.
    case answer
    /// A fact from another participant. One that is wrong is parked.
    case event
    /// A sign of life: not remembered, never answered, dropped where it is wrong.
    case signal
}

/// What a participant decides on.
public enum Input: Sendable {
    case message(Message)
    case timer(FiredTimer)
    case activity(ActivityReport)
}

/// A timer that is due. It is gone unless the decision sets it again.
public struct FiredTimer: Sendable, Hashable {
    /// The name under which it was set.
    public let name: String
    /// When it was to fire.
    public let due: Timestamp
    /// What was given when it was set.
    public let payload: JSON

    public init(name: String, due: Timestamp, payload: JSON = .null) {
        self.name = name
        self.due = due
        self.payload = payload
    }
}
