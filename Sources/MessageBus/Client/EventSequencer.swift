public import Wire

/// Puts the events of each subject into the order of their `sequence`, and lets each pass once.
///
/// A subject's events are numbered 1, 2, 3, … without gaps by their participant; on their way they may be doubled, and come
/// in another order where they took different ways. A number that does not come is waited for, for a while and as long as
/// there is room, then it is told as a gap. A value without clock or input: the time is given to it.
public struct EventSequencer<Event: Sendable>: Sendable {
    /// With which number the events of a subject begin.
    public enum Start: Sendable {
        /// With 1: for who has heard from the beginning.
        case first
        /// With whichever comes first: for who begins to hear at any time.
        case anywhere
    }

    /// What comes out, in order.
    public enum Step {
        case event(Event)
        /// These numbers of a subject did not come; one that comes later is dropped.
        case gap(subject: String, missing: ClosedRange<Int64>)
    }

    /// The events of a subject.
    private struct Line {
        var next: Int64
        var held: [Int64: Event] = [:]
        /// Since when a number is waited for.
        var since: Timestamp?
        var lastUse: UInt64
    }

    private let start: Start
    private let patience: Duration
    private let room: Int
    private let subjectLimit: Int
    private var lines: [String: Line] = [:]
    /// The subjects of which a number is waited for.
    private var waiting: Set<String> = []
    /// How many events are held back now.
    public private(set) var heldCount = 0
    private var uses: UInt64 = 0

    /// - Parameters:
    ///   - patience: how long a number is waited for.
    ///   - room: how many events are held back at most, of all subjects.
    ///   - subjects: of how many subjects the next number is known; those not heard of for longest are forgotten first, and
    ///     begin anew.
    public init(
        start: Start = .anywhere, patience: Duration = .seconds(10), room: Int = 10_000, subjects: Int = 100_000
    ) {
        self.start = start
        self.patience = patience
        self.room = max(0, room)
        subjectLimit = max(1, subjects)
    }

    /// Takes an event, and gives what may pass now: nothing for one that came before.
    public mutating func take(
        _ event: Event, of subject: String, sequence: Int64, at now: Timestamp
    ) -> [Step] {
        uses += 1
        var line = lines[subject] ?? Line(next: start == .first ? 1 : sequence, lastUse: uses)
        line.lastUse = uses
        defer { forgetOldest() }
        guard sequence >= line.next, line.held[sequence] == nil else {
            lines[subject] = line
            return []
        }
        line.held[sequence] = event
        heldCount += 1
        var steps = pass(&line, subject, at: now)
        lines[subject] = line
        while heldCount > room, let oldest = oldestWaiting() { steps += skip(oldest, at: now) }
        return steps
    }

    /// Gives what waited too long for a number that did not come.
    public mutating func release(at now: Timestamp) -> [Step] {
        var steps: [Step] = []
        while let subject = oldestWaiting(), let since = lines[subject]?.since, since + patience <= now {
            steps += skip(subject, at: now)
        }
        return steps
    }

    /// When `release` has something to give at the earliest.
    public var nextRelease: Timestamp? {
        oldestWaiting().flatMap { lines[$0]?.since }.map { $0 + patience }
    }

    private func oldestWaiting() -> String? {
        waiting.min { left, right in
            (lines[left]?.since ?? .distantFuture, left) < (lines[right]?.since ?? .distantFuture, right)
        }
    }

    /// Lets pass what follows without a gap.
    private mutating func pass(_ line: inout Line, _ subject: String, at now: Timestamp) -> [Step] {
        var steps: [Step] = []
        while let event = line.held.removeValue(forKey: line.next) {
            heldCount -= 1
            steps.append(.event(event))
            guard line.next < .max else { break }
            line.next += 1
        }
        if line.held.isEmpty {
            line.since = nil
            waiting.remove(subject)
        } else if line.since == nil || !steps.isEmpty {
            line.since = now
            waiting.insert(subject)
        }
        return steps
    }

    /// Waits no longer for the numbers before the first that is held.
    private mutating func skip(_ subject: String, at now: Timestamp) -> [Step] {
        guard var line = lines[subject], let first = line.held.keys.min() else { return [] }
        let missing = line.next...(first - 1)
        line.next = first
        let steps = pass(&line, subject, at: now)
        lines[subject] = line
        return [.gap(subject: subject, missing: missing)] + steps
    }

    private mutating func forgetOldest() {
        guard lines.count > subjectLimit else { return }
        // Some at a time, so that not each event costs a search.
        let idle = lines.filter { $0.value.held.isEmpty }.sorted { $0.value.lastUse < $1.value.lastUse }
        for (subject, _) in idle.prefix(lines.count - subjectLimit + subjectLimit / 8) { lines[subject] = nil }
    }
}

extension EventSequencer.Step: Sendable {}
extension EventSequencer.Step: Equatable where Event: Equatable {}

extension Timestamp {
    fileprivate static var distantFuture: Timestamp { Timestamp(microseconds: .max) }
}
