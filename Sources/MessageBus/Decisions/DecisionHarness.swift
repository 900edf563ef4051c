public import Store
public import Wire

/// Plays inputs to a participant without any broker, one transaction each, and shows what was decided: for tests of
/// decisions in microseconds.
public final class DecisionHarness<Subject: Participant> {
    /// What one input led to.
    public struct Effects: Sendable {
        /// Everything to be published, in order; the answer to the input among it.
        public var messages: [Outgoing]
        /// Activities that were started.
        public var started: [Activity]
        /// Activities that were cancelled.
        public var cancelled: [String]

        /// The messages of a type.
        public func messages(of type: String) -> [Outgoing] { messages.filter { $0.type == type } }
    }

    public private(set) var participant: Subject
    public let store: MemoryStore
    public let address: String
    /// What the decisions take for the time.
    public var now: Timestamp
    private let intake: Intake
    private var count = 0

    public init(_ participant: Subject, address: String, now: Timestamp, services: Set<String> = []) {
        self.participant = participant
        self.address = address
        self.now = now
        store = MemoryStore()
        intake = Intake(address: address, accepts: Subject.accepts, services: services)
    }

    /// As `replyTo`: the sender hears under its own name, `client.<sender>.1`.
    public static var own: String { "client.<sender>.1" }

    /// Sends a message as a user of RabbitMQ would; gives its `message_id` if it names none.
    public func send(
        _ type: String, _ body: JSON, from sender: String, onBehalfOf: Caller? = nil, id: String? = nil,
        key: String? = nil, replyTo: String? = DecisionHarness.own, correlationID: String? = nil
    ) async throws -> Effects {
        count += 1
        var message = Outgoing(
            exchange: .commands, key: key ?? address, type: type, id: id ?? "message-\(count)", time: now, body: body)
        message.replyTo = replyTo == Self.own ? "client.\(sender).1" : replyTo
        message.correlationID = correlationID
        message.onBehalfOf = onBehalfOf
        var input = BatchInput(now: now)
        input.deliveries = [message.delivery(to: address, user: sender)]
        return try await play(input)
    }

    /// Reports on an activity.
    public func report(_ activity: Activity, _ outcome: ActivityReport.Outcome) async throws -> Effects {
        var input = BatchInput(now: now)
        input.reports = [ActivityReport(activity: activity, outcome: outcome)]
        return try await play(input)
    }

    /// Moves the time forward and fires what is due.
    public func advance(by duration: Duration) async throws -> Effects {
        now = now + duration
        return try await play(BatchInput(now: now))
    }

    /// Tells the participant that no queue took a command that it sent.
    public func giveBack(_ message: Outgoing) async throws -> Effects {
        var input = BatchInput(now: now)
        input.returned = [Pending(number: 0, message: message)]
        return try await play(input)
    }

    /// Forgets what is kept in memory and fills it from the store, as a restart does.
    public func restart(_ fresh: Subject) async throws {
        let now = now
        participant = try await store.transact { transaction in
            var participant = fresh
            try participant.restore(from: transaction, at: now)
            return participant
        }
    }

    private func play(_ input: BatchInput) async throws -> Effects {
        let participant = participant
        let context = BatchContext(address: address, intake: intake, since: input.now)
        let (result, changed) = try await store.transact { transaction in
            var participant = participant
            var batch = Batch<Subject>(context, transaction, now: input.now)
            try batch.run(input, &participant)
            return (batch.result, participant)
        }
        self.participant = changed
        var effects = Effects(messages: result.outgoing.map(\.message), started: [], cancelled: [])
        for command in result.activities {
            switch command {
            case .start(let activity): effects.started.append(activity)
            case .cancel(let id): effects.cancelled.append(id)
            }
        }
        let numbers = result.outgoing.map(\.number)
        try await store.transact { try $0.removeOutgoing(numbers) }
        return effects
    }
}

extension Outgoing {
    /// The body as a value.
    public var json: JSON { (try? JSON(parsing: body)) ?? .null }
}
