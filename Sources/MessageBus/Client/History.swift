public import AMQP
public import Wire

/// Where to begin in the stream `history`, which keeps every event (contract.md, Queues).
public enum HistoryStart: Sendable, Hashable {
    /// The oldest that is kept.
    case first
    /// The newest that are there: the last chunk that RabbitMQ has written, a few events.
    case last
    /// The event at an offset; offsets grow by one from event to event.
    case offset(Int64)
    /// The first event at an instant or later.
    case time(Timestamp)

    /// Reads `first`, `last`, an offset, or an RFC 3339 instant.
    public init?(_ text: String) {
        switch text {
        case "first": self = .first
        case "last": self = .last
        default:
            if let offset = Int64(text), offset >= 0 {
                self = .offset(offset)
            } else if let time = Timestamp(text) {
                self = .time(time)
            } else {
                return nil
            }
        }
    }

    /// As RabbitMQ takes it ("Streams", consuming): its times are seconds.
    var argument: AMQPValue {
        switch self {
        case .first: .string("first")
        case .last: .string("last")
        case .offset(let offset): .int(offset)
        case .time(let time): .timestamp(UInt64(max(0, time.microseconds / 1_000_000)))
        }
    }

    /// RabbitMQ begins with the chunk in which an instant lies, so some events come that are older.
    func includes(_ event: ReceivedMessage) -> Bool {
        guard case .time(let start) = self, let time = event.time else { return true }
        return time >= start
    }
}

extension BusClient {
    /// Calls `body` with each event that is kept from a start on and whose routing key fits one of the patterns, and then
    /// goes on with those that happen, until it returns false. Each comes with its offset, at which to go on another time.
    ///
    /// After a lost connection it goes on where it was: nothing is missed. An event may stand in the history twice, under
    /// one `message_id`, where its publisher did not learn that it had arrived.
    public static func recall(
        _ patterns: [String], from start: HistoryStart, over connection: AMQPConnection, ready: () -> Void = {},
        _ body: (ReceivedMessage, _ offset: Int64) async throws -> Bool
    ) async throws {
        let reading = try await connection.consume(
            queues: ["history"], prefetch: 500, arguments: ["x-stream-offset": start.argument])
        ready()
        reading: while true {
            let batch = try await reading.next()
            let deliveries = batch.messages
            for delivery in deliveries {
                let event = ReceivedMessage(delivery)
                guard patterns.contains(where: { topicMatches($0, event.key) }), start.includes(event) else { continue }
                guard try await body(event, delivery.number("x-stream-offset") ?? 0) else {
                    batch.acknowledge()
                    break reading
                }
            }
            batch.acknowledge()
        }
        await reading.cancel()
    }
}
