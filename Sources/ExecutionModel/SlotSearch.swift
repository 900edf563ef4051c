public import Wire

/// What is looked for in a site's capacity.
public struct SlotRequest: Sendable, Hashable {
    public var cores: Amount
    /// GiB.
    public var memory: Amount
    public var duration: Duration
    /// When it may begin; nil is from now on, as far as the search looks ahead.
    public var window: StartWindow?
    /// How long it takes until it can begin, of which `compute` at the end needs the cores.
    public var preparation: Duration
    public var compute: Duration
    /// How long cleaning up takes.
    public var releasing: Duration

    /// How long an offer stands, if its promise can be kept so long (the standard's).
    public static let offerLifetime = Duration.seconds(300)
    /// An offer that stands for less than this is none: nobody could accept it.
    public static let shortestOffer = Duration.seconds(10)
    /// How far ahead is searched where no window is given.
    public static let lookAhead = Duration.seconds(86_400)

    public init(
        cores: Amount, memory: Amount, duration: Duration, window: StartWindow? = nil, preparation: Duration,
        compute: Duration, releasing: Duration = .seconds(10)
    ) {
        self.cores = cores
        self.memory = memory
        self.duration = duration
        self.window = window
        self.preparation = max(preparation, compute)
        self.compute = compute
        self.releasing = releasing
    }
}

/// Where something fits.
public struct Slot: Sendable, Hashable {
    public var cores: Int64
    /// GiB.
    public var memory: Int64
    public var schedule: Schedule
    /// Until when the promise can be kept if it is accepted.
    public var expires: Timestamp
}

/// That nothing fits, why, and what would.
public struct NoSlot: Error, Sendable, Hashable {
    public enum Reason: Sendable, Hashable {
        /// The site has not so much at all.
        case tooLarge
        /// It cannot be prepared within the window.
        case windowTooEarly
        /// All is taken in the window.
        case noCapacity
    }

    public var reason: Reason
    /// When it could begin at the earliest; nil where it never can.
    public var nearest: Timestamp?

    public init(reason: Reason, nearest: Timestamp?) {
        self.reason = reason
        self.nearest = nearest
    }

    /// The same for people, and for programs by its kind.
    public func notice(at now: Timestamp) -> Notice {
        let values = nearest.map { ["nearest": $0.description] } ?? [:]
        switch reason {
        case .tooLarge:
            return Notice(.resourceLimit, "The site has not so much at all", path: "compute", at: now)
        case .windowTooEarly:
            return Notice(
                .windowTooEarly, "It cannot be prepared in the time asked for; it could begin at {nearest}",
                values: values, path: "schedule.requested.start", at: now)
        case .noCapacity:
            return Notice(
                .noCapacity, "All is taken in the time asked for; it could begin at {nearest}", values: values,
                path: "schedule.requested.start", at: now)
        }
    }
}

extension Capacity {
    /// Where something fits: as soon as possible, with as much as is free then; and, where that is less than could be
    /// used, as soon as all of it is free.
    public mutating func slots(for request: SlotRequest, at now: Timestamp) throws(NoSlot) -> [Slot] {
        extendOverdue(at: now)
        let search = SlotSearch(request: request, now: now)
        let least = (request.cores.min, request.memory.min)
        guard least.0 <= cores, least.1 <= memory else {
            throw NoSlot(reason: .tooLarge, nearest: nil)
        }
        guard let soonest = firstPlace(least, search, until: search.latest) else {
            let anywhere = SlotSearch(request: request, now: now, isOpen: true)
            let nearest = firstPlace(least, anywhere, until: nil).map { anywhere.available(computing: $0) }
            let reason: NoSlot.Reason = search.isTooEarly ? .windowTooEarly : .noCapacity
            throw NoSlot(reason: reason, nearest: nearest)
        }
        let free = free(from: soonest, until: search.heldUntil(computing: soonest))
        let most = (min(request.cores.max, cores), min(request.memory.max, memory))
        let first = search.slot(
            computing: soonest, cores: min(most.0, free.cores), memory: min(most.1, free.memory))
        guard first.cores < most.0 || first.memory < most.1,
            let later = firstPlace(most, search, until: search.latest)
        else { return [first] }
        return [first, search.slot(computing: later, cores: most.0, memory: most.1)]
    }

    /// The first instant from which so much is free for as long as it takes.
    private func firstPlace(
        _ amount: (cores: Int64, memory: Int64), _ search: SlotSearch, until latest: Timestamp?
    ) -> Timestamp? {
        var place = search.earliestComputing
        while true {
            if let latest, search.available(computing: place) > latest { return nil }
            let end = search.heldUntil(computing: place)
            guard let lack = firstLack(of: amount.cores, amount.memory, from: place, until: end) else {
                return search.lifetime(computing: place) >= SlotRequest.shortestOffer ? place : nil
            }
            guard let next = lack.until else { return nil }
            place = next
        }
    }
}

/// What follows for an offer from the instant at which its computing begins.
///
/// The offer stands for a while, and may be accepted in its last moment: all that lies behind can then be as much later.
/// That slack is part of what is held.
struct SlotSearch {
    let request: SlotRequest
    let now: Timestamp
    /// The earliest that it can be used.
    let earliest: Timestamp
    /// The latest that its use may begin.
    let latest: Timestamp

    /// - Parameter isOpen: whether to look beyond the end of the window.
    init(request: SlotRequest, now: Timestamp, isOpen: Bool = false) {
        self.request = request
        self.now = now
        let ready = now + request.preparation
        earliest = max(ready, request.window?.from ?? ready)
        let end = request.window?.until ?? now + SlotRequest.lookAhead
        latest = isOpen ? max(end, earliest) + .seconds(366 * 86_400) : end
    }

    /// Whether the window closes before anything can be prepared, or too soon after for anybody to accept it.
    var isTooEarly: Bool {
        earliest > latest || lifetime(computing: earliestComputing) < SlotRequest.shortestOffer
    }

    /// Cores are held from the beginning of preparing on if nothing stands against it.
    var earliestComputing: Timestamp { earliest - request.preparation }

    func available(computing: Timestamp) -> Timestamp { max(earliest, computing + request.compute) }

    private func preparing(computing: Timestamp) -> Timestamp { available(computing: computing) - request.preparation }

    private func slack(computing: Timestamp) -> Duration {
        let wanted = now + SlotRequest.offerLifetime - preparing(computing: computing)
        return max(.zero, min(wanted, latest - available(computing: computing)))
    }

    /// The offer stands no longer than its promise can be kept.
    private func expires(computing: Timestamp) -> Timestamp {
        min(now + SlotRequest.offerLifetime, preparing(computing: computing) + slack(computing: computing))
    }

    func lifetime(computing: Timestamp) -> Duration { expires(computing: computing) - now }

    func heldUntil(computing: Timestamp) -> Timestamp {
        available(computing: computing) + slack(computing: computing) + request.duration + request.releasing
    }

    func slot(computing: Timestamp, cores: Int64, memory: Int64) -> Slot {
        let schedule = Schedule(
            preparing: preparing(computing: computing), preparation: request.preparation, computing: computing,
            available: available(computing: computing), slack: slack(computing: computing),
            duration: request.duration, releasing: request.releasing)
        return Slot(cores: cores, memory: memory, schedule: schedule, expires: expires(computing: computing))
    }
}
