/// Whether a publishing channel still gets confirms.
///
/// RabbitMQ can lose sight of a quorum queue's leader for the channels that were opened just after a node had died: what
/// they publish is refused, or never answered, for as long as the channel lives, while a fresh channel works (seen on
/// 3.10.8). A channel that has had one confirm is trusted from then on; only the deadline of each publish remains.
struct ConfirmHealth {
    /// The first patience with a channel that is silent, and with one that refuses everything.
    static let silence = Duration.seconds(2)
    static let refusal = Duration.seconds(1)

    private var isTrusted = false
    private var firstPublish: ContinuousClock.Instant?
    private var firstRefusal: ContinuousClock.Instant?
    /// Doubled with each channel in a row that did no better, so that a slow broker is not made slower.
    private var patience = 1

    /// A fresh channel.
    mutating func opened() {
        isTrusted = false
        firstPublish = nil
        firstRefusal = nil
    }

    mutating func published(at now: ContinuousClock.Instant) {
        if firstPublish == nil { firstPublish = now }
    }

    mutating func confirmed() {
        isTrusted = true
        patience = 1
    }

    mutating func refused(at now: ContinuousClock.Instant) {
        if firstRefusal == nil { firstRefusal = now }
    }

    /// The broker takes no messages for now: silence means nothing.
    mutating func blocked() { firstPublish = nil }

    /// When the channel is to be replaced unless a confirm comes before.
    var verdict: ContinuousClock.Instant? {
        guard !isTrusted else { return nil }
        if let firstRefusal { return firstRefusal + Self.refusal * patience }
        return firstPublish.map { $0 + Self.silence * patience }
    }

    /// The channel is being replaced.
    mutating func replaced() {
        patience = min(patience * 2, 16)
        opened()
    }
}
