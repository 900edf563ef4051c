public import Metrics
public import Wire

/// What a loop needs to know besides what it serves.
public struct LoopSettings: Sendable {
    /// Deliveries that may be unsettled at a time.
    public var prefetch: UInt16 = 200
    /// How long the answers to messages are remembered (contract.md, Idempotency).
    public var inboxAge: Duration = .seconds(86_400)
    /// When a message that failed is handled again.
    public var retries = RetrySchedule.standard
    /// A message that was to come back from waiting and others wait for is taken for lost after this time beyond its due.
    public var headPatience: Duration = .seconds(300)
    /// A message that was delivered so often without an end is handled alone, since it may be what ends the worker.
    public var suspectAfter: Int64 = 3
    /// A message whose worker ended so often while it was handled alone is parked.
    public var killLimit: Int64 = 3
    /// How long a worker that is told to stop takes at most to lay down what it does. `execbus up` kills after 10 s.
    public var drainTime: Duration = .seconds(8)
    /// Users whose `on_behalf_of` is believed.
    public var services: Set<String> = []
    /// What a ping and heartbeats say.
    public var version = ""
    public var backend = "embedded"
    public var started: Timestamp
    public var ids = IDSource.random
    public var clock: @Sendable () -> Timestamp = Timestamp.now
    public var log: Log
    public var faults = FaultPoints.none
    /// Where the loop enters what it counts.
    public var metrics: Metrics?
    /// Where the loop says whether it lives and serves.
    public var health: Health?
    /// Takes what handling messages was in their traces; must not wait. nil where nobody wants it.
    public var spans: (@Sendable ([Span]) -> Void)?

    public init(log: Log, started: Timestamp = .now()) {
        self.log = log
        self.started = started
    }

    /// The answer to a ping.
    func about(_ address: String, _ instance: String) -> JSON {
        let parts = address.split(separator: ".", maxSplits: 1).map(String.init)
        return .object(compacting: [
            "name": parts.first.map(JSON.string), "site": parts.count > 1 ? .string(parts[1]) : nil,
            "instance": .string(instance), "version": .string(version), "started": .string(started.description),
            "backend": .string(backend),
        ])
    }
}
