/// The exchanges of contract.md.
public enum Exchange: String, Sendable, Hashable, Codable, CaseIterable {
    /// Commands and queries to one participant.
    case commands
    /// Offer requests, to every site broker at once.
    case offers
    /// Answers.
    case replies
    /// Facts that have happened.
    case events
    /// Signs of life, transient.
    case heartbeats
    /// Callbacks, to the address that the registrant chose.
    case callbacks
    /// Messages waiting for another try.
    case retry
    /// Back from waiting, to exactly that queue.
    case requeue
    /// Messages that no further try will help.
    case parked
    /// What `requeue` and `parked` could not route.
    case unrouted
}
