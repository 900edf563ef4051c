public import Wire

/// When a session is promised: to be prepared, to be used, to be cleaned up.
public struct Schedule: Sendable, Hashable, Codable {
    /// When preparing begins.
    public var preparing: Timestamp
    /// How long it is expected to take.
    public var preparation: Duration
    /// From when the site's cores and memory are held: nothing computes earlier.
    public var computing: Timestamp
    /// When the session can be used, if it is accepted at once.
    public var available: Timestamp
    /// How much later that may become where it is accepted late.
    public var slack: Duration
    /// How long it can be used.
    public var duration: Duration
    /// How long cleaning up is expected to take.
    public var releasing: Duration

    public init(
        preparing: Timestamp, preparation: Duration, computing: Timestamp, available: Timestamp, slack: Duration,
        duration: Duration, releasing: Duration
    ) {
        self.preparing = preparing
        self.preparation = preparation
        self.computing = computing
        self.available = available
        self.slack = slack
        self.duration = duration
        self.releasing = releasing
    }

    /// When use ends, if nothing is late.
    public var end: Timestamp { available + duration }

    /// Until when cores and memory are held, even if the offer is accepted at the last moment.
    public var heldUntil: Timestamp { available + slack + duration + releasing }

    /// The schedule once the offer is accepted: what was open is fixed, and what lies behind moves.
    public func accepted(at now: Timestamp) -> Schedule {
        var fixed = self
        let late = max(.zero, min(now - preparing, slack))
        fixed.preparing = preparing + late
        fixed.available = available + late
        fixed.slack = .zero
        return fixed
    }

    /// The blocks `preparing`, `available` and `releasing` of the execution broker.
    public var blocks: [String: JSON] {
        [
            "preparing": Schedule.block(start: preparing.description, preparation),
            "available": Schedule.block(start: "\(available)/\(ISODuration.format(slack))", duration),
            "releasing": Schedule.block(start: (end + slack).description, releasing),
        ]
    }

    static func block(start: String, _ duration: Duration?) -> JSON {
        .object(compacting: [
            "start": .string(start), "duration": duration.map { .string(ISODuration.format($0)) },
        ])
    }
}

/// When what really happened: the difference to the schedule is what estimates learn from.
public struct ObservedSchedule: Sendable, Hashable, Codable {
    public var accepted: Timestamp?
    public var preparing: Timestamp?
    public var available: Timestamp?
    /// When its use ended, in whatever way.
    public var ended: Timestamp?
    /// When nothing of it was left.
    public var released: Timestamp?

    public init() {}

    /// The same blocks as the schedule has, as far as they have begun.
    public var json: JSON {
        .object(compacting: [
            "accepted": accepted.map { .string($0.description) },
            "preparing": preparing.map { start in
                Schedule.block(start: start.description, (available ?? ended).map { $0 - start })
            },
            "available": available.map { start in
                Schedule.block(start: "\(start)/PT0S", ended.map { $0 - start })
            },
            "releasing": ended.map { start in
                Schedule.block(start: start.description, released.map { $0 - start })
            },
        ])
    }
}
