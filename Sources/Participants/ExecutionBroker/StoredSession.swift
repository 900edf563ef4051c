internal import ExecutionModel
internal import MessageBus
internal import Wire

/// A session as the broker keeps it.
struct StoredSession: Codable {
    static let kind = "session"

    var session: Session
    /// When each preparation was asked for: how long they take is what later estimates are made of.
    var asked: [TaskRole: Timestamp] = [:]

    init(_ session: Session) { self.session = session }

    /// What the sessions and offersets of one owner are listed by.
    static func group(of owner: Owner) -> String { "\(owner.iss) \(owner.sub)" }
}

/// The offers of one set at this site that still stand: what counts against the quota, and who is a sibling of whom.
struct OpenOfferSet: Codable {
    static let kind = "offerset"

    let owner: Owner
    var offers: Set<SessionID>
}
