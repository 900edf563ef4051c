internal import ExecutionModel
internal import MessageBus
internal import Wire

/// A request for offers that waits for what `prepare-data` and `harbor` know.
struct PendingOffer: Codable {
    static let kind = "request"

    /// What one of the two has said.
    enum Reply: Codable, Hashable {
        case answered(JSON)
        case problem(JSON)
    }

    /// The request as a message, which is answered in the end.
    let request: Request
    /// Its body.
    let body: JSON
    /// Whether `prepare-data` was asked, as it is where there are data.
    let needsData: Bool
    /// The image that was asked about.
    let asked: ImageReference
    var data: Reply?
    var image: Reply?

    /// Whether all that were asked have answered.
    var isComplete: Bool { image != nil && (data != nil || !needsData) }
}
