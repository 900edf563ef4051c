internal import AMQP

/// Deliveries that are handled in one transaction. One that may be what ends the worker is handled alone.
struct Turn {
    var deliveries: [AMQPDelivery] = []
    var isSuspect = false

    /// Deliveries as turns, in the order in which they came; one turn at least, for what else there is to do.
    static func split(_ deliveries: [AMQPDelivery], suspectsAfter limit: Int64) -> [Turn] {
        guard deliveries.contains(where: { $0.isSuspect(after: limit) }) else { return [Turn(deliveries: deliveries)] }
        var turns: [Turn] = []
        for delivery in deliveries {
            if delivery.isSuspect(after: limit) {
                turns.append(Turn(deliveries: [delivery], isSuspect: true))
            } else if let last = turns.indices.last, !turns[last].isSuspect {
                turns[last].deliveries.append(delivery)
            } else {
                turns.append(Turn(deliveries: [delivery]))
            }
        }
        return turns
    }
}

/// One message at a time, for a while after a worker ended while it handled one alone: each that the broker has given is
/// counted as delivered when the worker ends, and none is to be counted for another's fault.
struct Caution {
    /// It is over when nothing came for so long.
    static let silence = Duration.seconds(1)
    /// It is over when so many in a row were no suspects.
    let calmAfter: Int
    private var calm = 0
    private var lastHeard = ContinuousClock.now

    init(calmAfter: Int) { self.calmAfter = calmAfter }

    /// Takes note of what was handled, and says whether it is over.
    mutating func note(_ turns: [Turn]) -> Bool {
        let count = turns.reduce(0) { $0 + $1.deliveries.count }
        if count > 0 { lastHeard = .now }
        calm = turns.contains(where: \.isSuspect) ? 0 : calm + count
        return calm >= calmAfter || .now - lastHeard >= Self.silence
    }
}
