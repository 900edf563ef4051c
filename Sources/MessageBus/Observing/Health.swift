internal import Synchronization

/// Whether a worker serves, for whoever watches over it: `/readyz` and `/livez`.
public final class Health: Sendable {
    private struct Content {
        var reasons: [String: String] = [:]
        var busySince: ContinuousClock.Instant?
    }

    private let content = Mutex(Content())

    /// A turn of the loop that takes longer than this hangs.
    public static let patience = Duration.seconds(60)

    public init() {
        set("start", "its queues are not taken up yet")
    }

    /// Why it does not serve just now, one sentence each; none where it does.
    public var reasons: [String] {
        content.withLock { content in content.reasons.sorted { $0.key < $1.key }.map(\.value) }
    }

    /// How long the loop has hung in one turn; nil where it lives.
    public var hangs: Duration? {
        guard let since = content.withLock(\.busySince) else { return nil }
        let time = ContinuousClock.now - since
        return time > Self.patience ? time : nil
    }

    /// Notes a reason not to serve, or with nil that it has gone.
    func set(_ what: String, _ reason: String?) {
        content.withLock { $0.reasons[what] = reason }
    }

    func turnBegins() { content.withLock { $0.busySince = .now } }

    func turnEnds() { content.withLock { $0.busySince = nil } }
}
