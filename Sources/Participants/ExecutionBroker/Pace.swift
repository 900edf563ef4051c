internal import ExecutionModel
internal import MessageBus
internal import Wire

/// How long those preparations take here whose participant does not say it beforehand, as observed.
///
/// What was never observed takes no time: an offer is never made later by a guess.
struct Pace: Codable {
    static let kind = "pace"
    static let id = "site"

    /// From the command to start a session until it answers.
    private(set) var compute: Duration?
    /// Bringing the user's own storage.
    private(set) var storage: Duration?

    /// Learns from a preparation. What is seen now counts for a third, so that one odd case does not spoil it.
    mutating func note(_ role: TaskRole, took duration: Duration) {
        guard duration >= .zero else { return }
        switch role {
        case .canfar: compute = compute.map { $0 * 2 / 3 + duration / 3 } ?? duration
        case .cavern: storage = storage.map { $0 * 2 / 3 + duration / 3 } ?? duration
        case .prepareData, .harbor: break
        }
    }
}
