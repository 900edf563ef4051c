internal import AMQP
internal import Wire

/// What of the outbox waits to be published, in order. A pure value: the loop publishes, and tells it what came of it.
struct Outbox: Sendable {
    private(set) var pending: [Pending] = []
    /// Rows that need no more attention; the next transaction removes them.
    private(set) var settled: [Int64] = []
    /// Commands that no queue took; the next transaction tells who waits for their answers.
    private(set) var returned: [Pending] = []
    /// The broker took nothing the last time: it is not asked before this instant.
    private var isBlockedUntil: Timestamp?

    /// An event that no queue takes this long is given up: `history` may take a moment after a node's start.
    static let eventPatience = Duration.seconds(30)
    /// A callback whose registrant is away is tried again this long.
    static let callbackPatience = Duration.seconds(86_400)

    /// How long a message for an exchange is tried again that no queue takes; nil: for ever. What was taken from a queue and
    /// is to wait or to be parked exists nowhere else any more.
    private static func patience(_ exchange: Exchange) -> Duration? {
        switch exchange {
        case .retry, .parked: nil
        case .callbacks: callbackPatience
        default: eventPatience
        }
    }

    /// The number of the newest message that was added; below every number before the first.
    private(set) var newest: Int64 = -1

    /// Adds messages that were written, in whatever order; those that were added before are passed over.
    mutating func add(_ messages: [Pending]) {
        for message in messages.sorted(by: { $0.number < $1.number }) where message.number > newest {
            pending.append(message)
            newest = message.number
        }
    }

    /// Whether something waits for the broker. What waits for somebody to take it, such as a callback, is not meant.
    var isHeldBack: Bool { pending.contains { $0.attempts == 0 } }

    /// When something should be published again.
    var nextTry: Timestamp? {
        guard !pending.isEmpty else { return nil }
        if let isBlockedUntil { return isBlockedUntil }
        return pending.map { $0.notBefore ?? Timestamp(microseconds: .min) }.min()
    }

    /// What may be published now: everything whose time has come, unless an earlier message of its lane still waits.
    func due(at now: Timestamp) -> [Pending] {
        if let isBlockedUntil, isBlockedUntil > now { return [] }
        var waiting: Set<Outgoing.Lane> = []
        return pending.filter { item in
            if let lane = item.message.lane, waiting.contains(lane) { return false }
            guard let notBefore = item.notBefore, notBefore > now else { return true }
            if let lane = item.message.lane { waiting.insert(lane) }
            return false
        }
    }

    /// Learns what became of messages that were published. Returns what an operator should know.
    mutating func learn(_ outcomes: [(Pending, PublishOutcome)], at now: Timestamp) -> [LogNote] {
        var notes: [LogNote] = []
        var again: [Int64: Pending] = [:]
        var done: Set<Int64> = []
        isBlockedUntil = nil
        for (item, outcome) in outcomes {
            switch outcome {
            case .confirmed:
                done.insert(item.number)
                settled.append(item.number)
            case .returned:
                if item.message.exchange == .commands {
                    done.insert(item.number)
                    returned.append(item)
                    continue
                }
                guard Self.patience(item.message.exchange).map({ now - item.message.time < $0 }) ?? true else {
                    notes.append(
                        LogNote(level: .error, text: "gave up \(item.message.type) to \(item.message.key): no queue"))
                    done.insert(item.number)
                    settled.append(item.number)
                    continue
                }
                var item = item
                item.attempts += 1
                item.notBefore = now + min(.milliseconds(100 << min(item.attempts, 9)), .seconds(60))
                again[item.number] = item
            case .nacked:
                again[item.number] = item
                isBlockedUntil = now + .seconds(1)
            case .unknown(let error), .unsent(let error):
                guard error.isRetriable || Self.patience(item.message.exchange) == nil else {
                    // Nothing will change by trying again, such as a missing exchange or a missing permission.
                    notes.append(
                        LogNote(level: .error, text: "gave up \(item.message.type) to \(item.message.key): \(error)"))
                    done.insert(item.number)
                    // Somebody waits for what comes of these two.
                    if [.commands, .offers].contains(item.message.exchange) {
                        returned.append(item)
                    } else {
                        settled.append(item.number)
                    }
                    continue
                }
                again[item.number] = item
                isBlockedUntil = now + .seconds(1)
                notes.append(LogNote(level: .warning, text: "\(item.message.type) is published again: \(error)"))
            }
        }
        pending = pending.compactMap { done.contains($0.number) ? nil : again[$0.number] ?? $0 }
        return Array(notes.prefix(3))
    }

    /// Hands over what the next transaction must know of.
    mutating func takeSettled() -> (settled: [Int64], returned: [Pending]) {
        defer { (settled, returned) = ([], []) }
        return (settled, returned)
    }
}
