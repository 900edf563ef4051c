internal import AMQP
internal import Store
internal import Wire

/// What stays the same from one transaction of a loop to the next.
struct BatchContext: Sendable {
    let address: String
    let intake: Intake
    var ids = IDSource.random
    /// The answer to a ping.
    var about: JSON = [:]
    var retries = RetrySchedule.standard
    /// Since when messages are handled here: before, nobody could have handled what is overdue.
    var since: Timestamp
    /// After this time beyond its due a message that others wait for is taken for lost.
    var patience = Duration.seconds(300)
    /// How long the bus remembers what came of a message.
    var memory = Duration.seconds(86_400)
    /// A message whose worker ended so often while handling it is not handled any more.
    var killLimit: Int64 = 3
    var faults = FaultPoints.none
    /// Whether anybody wants the spans.
    var isTracing = false
}

/// What one turn of the loop takes into its transaction.
struct BatchInput: Sendable {
    var deliveries: [AMQPDelivery] = []
    var reports: [ActivityReport] = []
    /// Outbox rows that need no more attention.
    var settled: [Int64] = []
    /// Messages that no queue took.
    var returned: [Pending] = []
    /// Whether this replica of the participant publishes what is written, and fires the timers.
    var leads = true
    /// The newest message that the outbox knows.
    var newest: Int64 = -1
    /// The mark of the one delivery, where it is handled alone: it is taken away with what comes of it.
    var suspect: StateKey?
    var now: Timestamp

    var isEmpty: Bool { deliveries.isEmpty && reports.isEmpty && settled.isEmpty && returned.isEmpty }
}

/// What one turn of the loop brought out of its transaction.
struct BatchResult: Sendable {
    var outgoing: [Pending] = []
    var activities: [Decision.ActivityCommand] = []
    var nextTimer: Timestamp?
    /// More timers are due than one turn takes.
    var hasMoreTimers = false
    /// The types of what was handled and is to be published, for fault points and logs.
    var types: Set<String> = []
    var notes: [LogNote] = []
    /// What became of each message, for the figures.
    var taken: [Taken] = []
    /// How late the timers were that fired.
    var timerDelays: [Duration] = []
    var spans: [Span] = []
    /// When everything was decided on, and only the commit was left.
    var decided = ContinuousClock.now
}

/// A message of the outbox that waits to be published.
struct Pending: Sendable {
    let number: Int64
    let message: Outgoing
    /// How often no queue took it.
    var attempts = 0
    /// Not before this instant is it tried again.
    var notBefore: Timestamp?
}
