internal import ExecutionModel

/// What a question of the broker was about: its correlation id, which the answer brings back.
enum Correlation: Hashable {
    /// `prepare-data` is asked where the data of a request for offers lie.
    case data(OfferSetID)
    /// `harbor` is asked about the image of a request for offers.
    case image(OfferSetID)
    /// `permissions` is asked about an acceptance.
    case permission(SessionID, ClaimID)
    /// `global-execution` is asked for the offerset.
    case claim(SessionID, ClaimID)
    case unclaim(SessionID, ClaimID)
    /// A preparation is started, and tells of its end.
    case task(SessionID, TaskRole)
    /// What a preparation made is to be removed.
    case release(SessionID, TaskRole)

    var text: String {
        switch self {
        case .data(let id): "offerset/\(id)/data"
        case .image(let id): "offerset/\(id)/image"
        case .permission(let id, let claim): "session/\(id)/permission/\(claim)"
        case .claim(let id, let claim): "session/\(id)/claim/\(claim)"
        case .unclaim(let id, let claim): "session/\(id)/unclaim/\(claim)"
        case .task(let id, let role): "session/\(id)/task/\(role.rawValue)"
        case .release(let id, let role): "session/\(id)/release/\(role.rawValue)"
        }
    }

    /// nil where the text is no correlation id of the broker.
    init?(_ text: String?) {
        let parts = (text ?? "").split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        let found: Correlation? =
            switch (parts.first, parts.count) {
            case ("offerset", 3): OfferSetID(parts[1]).flatMap { Correlation($0, parts[2]) }
            case ("session", 4): SessionID(parts[1]).flatMap { Correlation($0, parts[2], parts[3]) }
            default: nil
            }
        guard let found else { return nil }
        self = found
    }

    private init?(_ id: OfferSetID, _ word: String) {
        switch word {
        case "data": self = .data(id)
        case "image": self = .image(id)
        default: return nil
        }
    }

    private init?(_ id: SessionID, _ word: String, _ rest: String) {
        let role = TaskRole(rawValue: rest)
        let claim = ClaimID(rest)
        switch (word, role, claim) {
        case ("task", let role?, _): self = .task(id, role)
        case ("release", let role?, _): self = .release(id, role)
        case ("permission", _, let claim?): self = .permission(id, claim)
        case ("claim", _, let claim?): self = .claim(id, claim)
        case ("unclaim", _, let claim?): self = .unclaim(id, claim)
        default: return nil
        }
    }
}

/// The timers of the broker, by their names.
enum BrokerTimer: Hashable {
    /// A request for offers is answered with what is known by then.
    case answers(OfferSetID)
    case session(SessionID, SessionTimer)
    /// A claim that could not be taken back is taken back again.
    case unclaim(SessionID, ClaimID)

    var name: String {
        switch self {
        case .answers(let id): "offerset/\(id)/answers"
        case .session(let id, let timer): "session/\(id)/\(timer.rawValue)"
        case .unclaim(let id, let claim): "session/\(id)/unclaim/\(claim)"
        }
    }

    init?(name: String) {
        let parts = name.split(separator: "/").map(String.init)
        switch (parts.first, parts.count) {
        case ("offerset", 3):
            guard let id = OfferSetID(parts[1]) else { return nil }
            self = .answers(id)
        case ("session", 3):
            guard let id = SessionID(parts[1]), let timer = SessionTimer(rawValue: parts[2]) else { return nil }
            self = .session(id, timer)
        case ("session", 4):
            guard let id = SessionID(parts[1]), let claim = ClaimID(parts[3]) else { return nil }
            self = .unclaim(id, claim)
        default: return nil
        }
    }
}
