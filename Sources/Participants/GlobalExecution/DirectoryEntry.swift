package import ExecutionModel
package import MessageBus
package import Wire

/// What the directory of sessions knows of one, by its site's events.
package struct DirectoryEntry: Sendable, Hashable, Codable {
    static let kind = "session"

    package let session: SessionID
    package let offerset: OfferSetID
    package let site: SiteName
    package let owner: Caller
    package let workstep: WorkstepReference?
    package private(set) var phase: Phase
    package private(set) var sequence: Int64
    package private(set) var time: Timestamp
    package private(set) var reason: String?

    init(_ fact: SessionFact, owner: Caller, workstep: WorkstepReference?) {
        session = fact.session
        offerset = fact.offerset
        site = fact.site
        self.owner = owner
        self.workstep = workstep
        phase = fact.phase
        sequence = fact.sequence
        time = fact.time
        reason = fact.reason
    }

    /// Takes a newer fact; false where it is an older one that comes late.
    mutating func take(_ fact: SessionFact) -> Bool {
        guard fact.site == site, fact.sequence > sequence else { return false }
        phase = fact.phase
        sequence = fact.sequence
        time = fact.time
        reason = fact.reason
        return true
    }

    /// An entry of `srcnet.sessions.v1`.
    package var json: JSON {
        .object(compacting: [
            "session": .string(session.description), "offerset": .string(offerset.description),
            "site": .string(site.description), "workstep": workstep?.json, "phase": .string(phase.rawValue),
            "status": .string(phase.status.rawValue), "sequence": .int(sequence), "time": .string(time.description),
            "reason": reason.map(JSON.string),
        ])
    }
}
