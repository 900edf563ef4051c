public import Wire

/// What a site holds for a session, or for an offer that may become one.
public struct Booking: Sendable, Hashable, Codable {
    public var session: SessionID
    /// Offers of one set exclude each other: the site holds the largest of them at any moment, not the sum.
    public var offerset: OfferSetID
    public var cores: Int64
    /// GiB.
    public var memory: Int64
    public var from: Timestamp
    /// Not included.
    public var until: Timestamp

    public init(
        session: SessionID, offerset: OfferSetID, cores: Int64, memory: Int64, from: Timestamp, until: Timestamp
    ) {
        self.session = session
        self.offerset = offerset
        self.cores = cores
        self.memory = memory
        self.from = from
        self.until = max(from, until)
    }

    /// What an offer or a session holds.
    public init(_ session: Session) {
        self.init(
            session: session.id, offerset: session.offerset, cores: session.cores, memory: session.memory,
            from: session.schedule.computing,
            until: session.endsAt.map { $0 + session.schedule.releasing } ?? session.schedule.heldUntil)
    }
}

/// A site's cores and memory over time, and who holds them.
///
/// It is kept in memory by the one broker of the site, which builds it again from its sessions at start. What is held at
/// which moment is a list of steps in order of time, so that a slot is found by walking once along it.
public struct Capacity: Sendable {
    /// From its instant on, so much is held, until the next step.
    struct Step: Hashable {
        var time: Timestamp
        var cores: Int64
        var memory: Int64
    }

    /// What the site has.
    public let cores: Int64
    /// GiB.
    public let memory: Int64
    /// How long something that should be gone is expected to stay, from whenever that is asked.
    public static let overdue = Duration.seconds(30)

    private(set) var steps: [Step] = []
    private var bookings: [SessionID: Booking] = [:]
    private var groups: [OfferSetID: Set<SessionID>] = [:]
    /// The ends of all bookings, in order.
    private var ends: [End] = []

    private struct End: Hashable {
        var time: Timestamp
        var session: SessionID

        static func precedes(_ left: End, _ right: End) -> Bool {
            (left.time, left.session) < (right.time, right.session)
        }
    }

    public init(cores: Int64, memory: Int64) {
        self.cores = cores
        self.memory = memory
    }

    /// How many bookings there are.
    public var count: Int { bookings.count }

    /// What is held for a session.
    public func booking(of session: SessionID) -> Booking? { bookings[session] }

    /// Holds something, in place of what was held for the same session.
    public mutating func hold(_ booking: Booking) {
        change(booking.offerset) { capacity in
            if let old = capacity.bookings[booking.session] { capacity.forgetEnd(of: old) }
            capacity.bookings[booking.session] = booking
            capacity.groups[booking.offerset, default: []].insert(booking.session)
            capacity.noteEnd(of: booking)
        }
    }

    /// Holds what is held for a session until another instant.
    public mutating func hold(_ session: SessionID, until: Timestamp) {
        guard var booking = bookings[session] else { return }
        booking.until = max(booking.from, until)
        hold(booking)
    }

    /// Frees what is held for a session.
    public mutating func free(_ session: SessionID) {
        guard let booking = bookings[session] else { return }
        change(booking.offerset) { capacity in
            capacity.forgetEnd(of: booking)
            capacity.bookings[session] = nil
            capacity.groups[booking.offerset]?.remove(session)
            if capacity.groups[booking.offerset]?.isEmpty == true { capacity.groups[booking.offerset] = nil }
        }
    }

    /// What should be gone and was not freed is held on: nobody else is promised what is not there.
    public mutating func extendOverdue(at now: Timestamp) {
        while let first = ends.first, first.time <= now { hold(first.session, until: now + Capacity.overdue) }
    }

    /// What is held at a moment.
    public func held(at time: Timestamp) -> (cores: Int64, memory: Int64) {
        let index = firstStep(after: time) - 1
        return steps.indices.contains(index) ? (steps[index].cores, steps[index].memory) : (0, 0)
    }

    /// The least that is free between two instants.
    public func free(from: Timestamp, until: Timestamp) -> (cores: Int64, memory: Int64) {
        var most = held(at: from)
        var index = firstStep(after: from)
        while index < steps.count, steps[index].time < until {
            most = (max(most.cores, steps[index].cores), max(most.memory, steps[index].memory))
            index += 1
        }
        return (cores - most.cores, memory - most.memory)
    }

    /// Until when a session could stay beyond what is held for it; nil is without end.
    public func latestEnd(of session: SessionID) -> Timestamp? {
        guard let booking = bookings[session] else { return nil }
        return firstLack(of: booking.cores, booking.memory, from: booking.until, until: nil)?.from
    }

    /// Whether all that is held now is there: a session may begin that has its place.
    public func hasRoom(at now: Timestamp) -> Bool {
        let held = held(at: now)
        return held.cores <= cores && held.memory <= memory
    }

    /// When and how long there is first too little.
    func firstLack(
        of cores: Int64, _ memory: Int64, from: Timestamp, until: Timestamp?
    ) -> (from: Timestamp, until: Timestamp?)? {
        var index = max(0, firstStep(after: from) - 1)
        while index < steps.count {
            let step = steps[index]
            if let until, step.time >= until { return nil }
            let next = index + 1 < steps.count ? steps[index + 1].time : nil
            index += 1
            if let next, next <= from { continue }
            if step.cores + cores > self.cores || step.memory + memory > self.memory {
                return (max(step.time, from), next)
            }
        }
        return nil
    }
}

// The steps.
extension Capacity {
    /// Takes a set's share out of the steps, changes the set, and puts its new share in.
    private mutating func change(_ offerset: OfferSetID, _ body: (inout Capacity) -> Void) {
        for piece in share(of: offerset) { add(piece, times: -1) }
        body(&self)
        for piece in share(of: offerset) { add(piece, times: 1) }
    }

    private struct Piece {
        var from: Timestamp
        var until: Timestamp
        var cores: Int64
        var memory: Int64
    }

    /// What the offers of a set hold together: at each moment the largest of them.
    private func share(of offerset: OfferSetID) -> [Piece] {
        let members = (groups[offerset] ?? []).compactMap { bookings[$0] }.filter { $0.from < $0.until }
        if members.count == 1, let only = members.first {
            return [Piece(from: only.from, until: only.until, cores: only.cores, memory: only.memory)]
        }
        let times = Set(members.flatMap { [$0.from, $0.until] }).sorted()
        return zip(times, times.dropFirst()).compactMap { from, until in
            let active = members.filter { $0.from <= from && until <= $0.until }
            guard let cores = active.map(\.cores).max(), let memory = active.map(\.memory).max() else { return nil }
            return Piece(from: from, until: until, cores: cores, memory: memory)
        }
    }

    private mutating func add(_ piece: Piece, times factor: Int64) {
        let first = makeStep(at: piece.from)
        let last = makeStep(at: piece.until)
        for index in first..<last {
            steps[index].cores += factor * piece.cores
            steps[index].memory += factor * piece.memory
        }
        joinStep(last)
        joinStep(first)
    }

    /// The index of the step at an instant, which is made if there is none.
    private mutating func makeStep(at time: Timestamp) -> Int {
        let index = firstStep(after: time)
        if index > 0, steps[index - 1].time == time { return index - 1 }
        let before = index > 0 ? steps[index - 1] : Step(time: time, cores: 0, memory: 0)
        steps.insert(Step(time: time, cores: before.cores, memory: before.memory), at: index)
        return index
    }

    /// Removes a step that changes nothing.
    private mutating func joinStep(_ index: Int) {
        guard steps.indices.contains(index) else { return }
        let before = index > 0 ? steps[index - 1] : Step(time: steps[index].time, cores: 0, memory: 0)
        if before.cores == steps[index].cores, before.memory == steps[index].memory { steps.remove(at: index) }
    }

    private func firstStep(after time: Timestamp) -> Int {
        steps.firstIndex(inOrder: { $0.time <= time })
    }

    private mutating func noteEnd(of booking: Booking) {
        let end = End(time: booking.until, session: booking.session)
        ends.insert(end, at: ends.firstIndex(inOrder: { End.precedes($0, end) }))
    }

    private mutating func forgetEnd(of booking: Booking) {
        let end = End(time: booking.until, session: booking.session)
        let index = ends.firstIndex(inOrder: { End.precedes($0, end) })
        if ends.indices.contains(index), ends[index] == end { ends.remove(at: index) }
    }
}

extension Array {
    /// The first index whose element does not come before something, in a list that is in order.
    fileprivate func firstIndex(inOrder comesBefore: (Element) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if comesBefore(self[middle]) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
