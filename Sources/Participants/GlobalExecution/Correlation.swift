internal import ExecutionModel

/// What a question of this participant was about: its correlation id, which the answer brings back.
enum Correlation: Hashable {
    /// The editor is asked for the workstep of a submission.
    case workstep(OfferSetID)
    /// `permissions` is asked about a submission.
    case permission(OfferSetID)
    /// Sites are asked for offers. It is the offerset's own UUID, which they see.
    case offers(OfferSetID)
    /// A broker is told that an offer is rejected.
    case rejection(SessionID)

    var text: String {
        switch self {
        case .workstep(let id): "workstep.\(id)"
        case .permission(let id): "permission.\(id)"
        case .offers(let id): id.description
        case .rejection(let id): "reject.\(id)"
        }
    }

    init?(_ text: String?) {
        guard let text else { return nil }
        let parts = text.split(separator: ".", maxSplits: 1).map(String.init)
        let found: Correlation? =
            switch (parts.first, parts.last) {
            case ("workstep", .some(let id)): OfferSetID(id).map { .workstep($0) }
            case ("permission", .some(let id)): OfferSetID(id).map { .permission($0) }
            case ("reject", .some(let id)): SessionID(id).map { .rejection($0) }
            default: OfferSetID(text).map { .offers($0) }
            }
        guard let found else { return nil }
        self = found
    }
}
