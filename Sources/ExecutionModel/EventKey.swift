public import Wire

/// Routing keys on the exchange `events`: `<entity>.<site>.<what>.<id>` (contract.md, Events).
public enum EventKey {
    /// A session has reached a phase.
    public static func session(_ site: SiteName, _ phase: Phase, _ id: SessionID) -> String {
        key("session", site, phase.word, id)
    }

    /// A session will soon end, its time being almost over.
    public static func sessionEnding(_ site: SiteName, _ id: SessionID) -> String {
        key("session", site, "ending", id)
    }

    /// A preparation goes on, has completed or has failed.
    public static func task(
        _ site: SiteName, _ participant: ParticipantName, _ status: TaskStatus, _ id: TaskID
    ) -> String {
        key("task", site, "\(participant.rawValue)-\(status.rawValue)", id)
    }

    /// What can be said of an offerset.
    public enum OfferSetWord: String, Sendable { case created, completed }

    /// Offers are gathered, or the gather has ended.
    public static func offerset(_ word: OfferSetWord, _ id: OfferSetID) -> String {
        key("offerset", nil, word.rawValue, id)
    }

    /// What can be said of a workstep.
    public enum WorkstepWord: String, Sendable { case created, edited }

    /// A workstep was made or changed.
    public static func workstep(_ word: WorkstepWord, _ id: WorkstepID) -> String {
        key("workstep", nil, word.rawValue, id)
    }

    private static func key(_ entity: String, _ site: SiteName?, _ what: String, _ id: some CustomStringConvertible)
        -> String
    {
        "\(entity).\(site?.description ?? "global").\(what).\(id)"
    }
}
