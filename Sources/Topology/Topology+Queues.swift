internal import AMQP
internal import Wire

/// A queue, and where its messages come from.
struct DescribedQueue {
    struct Source {
        let exchange: String
        let key: String
        var arguments: [String: AMQPValue] = [:]

        func binding(_ queue: String) -> AMQPBinding {
            AMQPBinding(queue: queue, exchange: exchange, routingKey: key, arguments: arguments)
        }
    }

    let queue: AMQPQueue
    let bindings: [Source]

    init(_ name: String, _ arguments: [String: AMQPValue], _ bindings: [Source]) {
        queue = AMQPQueue(name: name, arguments: arguments)
        self.bindings = bindings
    }
}

extension Topology {
    static func queues(at sites: [SiteName]) -> [DescribedQueue] {
        let participants = Self.participants(at: sites)
        return participants.map(work) + participants.map { parked(of: $0.description) }
            + sites.map(offers) + [heartbeats, history] + retryDelays.map(retry) + [unrouted]
    }

    /// RabbitMQ's own limit is only the net below that of the workers, who find out which message ends them within six
    /// deliveries (docs/reliability.md has the arithmetic); it is the default of RabbitMQ 4.
    private static let deliveryLimit: AMQPValue = 20

    /// Messages that cannot be dead-lettered now are kept and tried again, which RabbitMQ does only where a full queue
    /// refuses messages instead of dropping old ones.
    private static func keepingDeadLetters(
        to exchange: String, _ others: [String: AMQPValue]
    ) -> [String: AMQPValue] {
        others.merging([
            "x-queue-type": "quorum", "x-dead-letter-exchange": .string(exchange),
            "x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish",
        ]) { $1 }
    }

    private static func work(of participant: ParticipantAddress) -> DescribedQueue {
        let name = participant.description
        let arguments = keepingDeadLetters(
            to: "parked", ["x-dead-letter-routing-key": .string(name), "x-delivery-limit": deliveryLimit])
        let own = ["commands", "replies", "requeue"].map { DescribedQueue.Source(exchange: $0, key: name) }
        return DescribedQueue(name, arguments, own + facts(for: participant.name))
    }

    /// The events that a participant hears (contract.md, Queues).
    private static func facts(for participant: ParticipantName) -> [DescribedQueue.Source] {
        switch participant {
        case .globalExecution: ["session.#", "job.#"].map { .init(exchange: "events", key: $0) }
        default: []
        }
    }

    private static func parked(of queue: String) -> DescribedQueue {
        DescribedQueue("\(queue).parked", resting, [.init(exchange: "parked", key: queue)])
    }

    /// Whoever looks at parked messages takes them and gives them back, and each time is counted as a delivery: with the
    /// limit that RabbitMQ 4 gives to a queue without one, the twentieth look would drop them. (Only 4 knows `-1` for none.)
    private static var resting: [String: AMQPValue] { ["x-queue-type": "quorum", "x-delivery-limit": 1_000_000] }

    /// Offer requests are of no use to anybody after their deadline, which is 60 s away at most.
    private static func offers(at site: SiteName) -> DescribedQueue {
        DescribedQueue(
            ParticipantName.executionBroker.address(at: site) + ".offers",
            ["x-queue-type": "quorum", "x-delivery-limit": deliveryLimit, "x-message-ttl": 60_000],
            ["any", site.description].map { .init(exchange: "offers", key: "offer.request.\($0)") })
    }

    private static var heartbeats: DescribedQueue {
        DescribedQueue(
            ParticipantName.globalExecution.address(at: nil) + ".heartbeats",
            ["x-queue-type": "quorum", "x-delivery-limit": deliveryLimit, "x-message-ttl": 15_000],
            [.init(exchange: "heartbeats", key: "#")])
    }

    /// Whole segments are dropped when they are too old or too many, so that they have to be much smaller than the limit.
    private static var history: DescribedQueue {
        DescribedQueue(
            "history",
            [
                "x-queue-type": "stream", "x-max-age": "30D", "x-max-length-bytes": 20_000_000_000,
                "x-stream-max-segment-size-bytes": 100_000_000,
            ],
            [.init(exchange: "events", key: "#")])
    }

    /// The delays of the header `delay`, with their milliseconds.
    package static let retryDelays: [(name: String, milliseconds: Int64)] = [
        ("1s", 1_000), ("10s", 10_000), ("1m", 60_000), ("10m", 600_000),
    ]

    private static func retry(_ delay: (name: String, milliseconds: Int64)) -> DescribedQueue {
        DescribedQueue(
            "retry.\(delay.name)", keepingDeadLetters(to: "requeue", ["x-message-ttl": .int(delay.milliseconds)]),
            [.init(exchange: "retry", key: "", arguments: ["x-match": "all", "delay": .string(delay.name)])])
    }

    private static var unrouted: DescribedQueue {
        DescribedQueue("unrouted.parked", resting, [.init(exchange: "unrouted", key: "")])
    }
}
