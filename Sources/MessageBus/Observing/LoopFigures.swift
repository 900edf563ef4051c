internal import Metrics
internal import Wire

/// What a loop counts and measures.
struct LoopFigures: Sendable {
    private let messages: Counter
    private let handling: Histogram
    private let waiting: Histogram
    private let commits: Histogram
    private let timers: Counter
    private let timerDelay: Histogram
    private let inFlight: Gauge
    private let outbox: Gauge
    private let outboxAge: Gauge
    private let overdue: Gauge
    /// The types that get a line of their own: what strangers call their messages is without limit.
    private let types: Set<String>

    init(_ metrics: Metrics, types: Set<String>) {
        self.types = types
        messages = metrics.counter(
            "execbus_messages_total", "Messages taken from the queues, by what became of them.",
            labels: ["type", "outcome"])
        handling = metrics.histogram(
            "execbus_handling_seconds", "How long the decision on a message took.", labels: ["type"])
        waiting = metrics.histogram(
            "execbus_message_age_seconds", "How long ago a message was sent when it was taken.",
            bounds: [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 1_000])
        commits = metrics.histogram("execbus_commit_seconds", "How long it took to make a transaction durable.")
        timers = metrics.counter("execbus_timers_fired_total", "Timers that fired.")
        timerDelay = metrics.histogram("execbus_timer_delay_seconds", "How long after its time a timer fired.")
        inFlight = metrics.gauge("execbus_messages_in_flight", "Messages taken and not yet acknowledged.")
        outbox = metrics.gauge("execbus_outbox_messages", "Messages written and not yet confirmed by RabbitMQ.")
        outboxAge = metrics.gauge("execbus_outbox_oldest_seconds", "How long the oldest of them has waited.")
        overdue = metrics.gauge("execbus_timer_overdue_seconds", "How long the next timer should have fired already.")
        // There from the beginning, so that an alarm on them need not know their absence.
        setWaiting(outbox: [], nextTimer: nil, now: .now())
        setInFlight(0)
    }

    func add(_ result: BatchResult, now: Timestamp) {
        for taken in result.taken {
            let type = types.contains(taken.type) ? taken.type : "other"
            messages.add(1, type, taken.outcome.rawValue)
            if let time = taken.handling { handling.observe(time, type) }
            if let sent = taken.sent { waiting.observe(max(.zero, now - sent)) }
        }
        for delay in result.timerDelays {
            timers.add()
            timerDelay.observe(delay)
        }
    }

    func addCommit(_ duration: Duration) { commits.observe(duration) }

    func setInFlight(_ count: Int) { inFlight.set(Double(count)) }

    func setWaiting(outbox pending: [Pending], nextTimer: Timestamp?, now: Timestamp) {
        outbox.set(Double(pending.count))
        outboxAge.set(pending.first.map { max(0, ($0.message.time.distance(to: now)).inSeconds) } ?? 0)
        overdue.set(nextTimer.map { max(0, $0.distance(to: now).inSeconds) } ?? 0)
    }
}

/// A message that was taken, for the figures and the trace.
struct Taken: Sendable {
    let type: String
    var outcome: Outcome
    /// How long the decision took, where there was one.
    var handling: Duration?
    /// When it was sent, if it says so.
    let sent: Timestamp?
}

extension Timestamp {
    fileprivate func distance(to other: Timestamp) -> Duration { other - self }
}

extension Duration {
    fileprivate var inSeconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds) * 1e-18
    }
}
