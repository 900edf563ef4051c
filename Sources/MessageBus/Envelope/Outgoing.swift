public import Wire

/// A message to be published after the commit of the decision that made it.
public struct Outgoing: Sendable, Hashable, Codable {
    public var exchange: Exchange
    /// The routing key.
    public var key: String
    public var type: String
    /// Its `message_id`. It stays the same however often the message is published.
    public var id: String
    public var replyTo: String?
    public var correlationID: String?
    /// What it is about; messages about one subject keep their order.
    public var subject: String?
    /// Its number among the messages about the subject; the bus counts where `isNumbered` and this is nil.
    public var sequence: Int64?
    /// Whether it carries a `sequence`: events and callbacks do.
    public var isNumbered = false
    /// After this instant nobody should act on it.
    public var deadline: Timestamp?
    /// For whom a participant asks.
    public var onBehalfOf: Caller?
    public var traceparent: String?
    /// How long RabbitMQ keeps it: for offer requests and heartbeats only.
    public var timeToLive: Duration?
    /// Whether a message that no queue takes comes back.
    public var isMandatory = false
    /// Whether it survives a restart of RabbitMQ.
    public var isPersistent = true
    /// `application/json`, or `application/problem+json`.
    public var contentType = "application/json"
    /// Of a message of somebody else that is sent on: what is kept of it. The properties above that say what a message
    /// of this participant's own is about then do not count.
    package var carried: CarriedMessage?
    /// When it was decided.
    public var time: Timestamp
    /// The body as it goes onto the wire; not part of the stored envelope.
    public var body: [UInt8] = []

    private enum CodingKeys: String, CodingKey {
        case exchange, key, type, id, replyTo, correlationID, subject, sequence, isNumbered, deadline, onBehalfOf
        case traceparent, timeToLive, isMandatory, isPersistent, contentType, carried, time
    }

    public init(
        exchange: Exchange, key: String, type: String, id: String, time: Timestamp, body: JSON, subject: String? = nil
    ) {
        self.exchange = exchange
        self.key = key
        self.type = type
        self.id = id
        self.time = time
        self.subject = subject
        self.body = body.bytes
    }

    /// Messages of one lane must not overtake each other.
    var lane: Lane? { subject.map { Lane(exchange: exchange, key: exchange == .events ? "" : key, subject: $0) } }

    struct Lane: Hashable {
        let exchange: Exchange
        let key: String
        let subject: String
    }
}
