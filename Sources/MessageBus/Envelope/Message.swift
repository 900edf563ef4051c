public import Wire

/// A message that passed the checks of the bus: its type is known, its body is a JSON object, and who sent it is sure.
public struct Message: Sendable {
    /// What it is: `srcnet.<noun>.<verb>.v1`.
    public let type: String
    /// Its identity; nil is allowed for queries and signs of life only.
    public let id: String?
    /// The routing key that it came with.
    public let key: String
    /// The user of RabbitMQ that sent it, checked by RabbitMQ.
    public let sender: String
    /// For whom it was sent: the sender, or whom a service speaks for.
    public let asker: Caller
    /// Where the answer goes: a routing key on `replies`.
    public let replyTo: String?
    /// What ties an answer to its question.
    public let correlationID: String?
    /// After this instant nobody should act on it.
    public let deadline: Timestamp?
    /// What it is about.
    public let subject: String?
    /// Its number among the messages about the subject.
    public let sequence: Int64?
    /// W3C trace context.
    public let traceparent: String?
    /// A JSON object.
    public let body: JSON
    /// Whether its answer is remembered under its id.
    public let isRemembered: Bool

    public init(
        type: String, id: String?, key: String, sender: String, asker: Caller, replyTo: String? = nil,
        correlationID: String? = nil, deadline: Timestamp? = nil, subject: String? = nil, sequence: Int64? = nil,
        traceparent: String? = nil, body: JSON, isRemembered: Bool = true
    ) {
        self.type = type
        self.id = id
        self.key = key
        self.sender = sender
        self.asker = asker
        self.replyTo = replyTo
        self.correlationID = correlationID
        self.deadline = deadline
        self.subject = subject
        self.sequence = sequence
        self.traceparent = traceparent
        self.body = body
        self.isRemembered = isRemembered
    }

    /// The problem that this answer is, if it is one.
    public var problem: Problem? { type == Problem.messageType ? Problem(body) : nil }

    /// What an answer needs to know of this message; a participant that answers later keeps it in its state.
    public var request: Request {
        Request(
            sender: sender, messageID: id, replyTo: replyTo, correlationID: correlationID, traceparent: traceparent,
            isRemembered: isRemembered && id != nil)
    }
}

/// A request that waits for its answer. It is part of the asker's stored state where the answer comes later.
public struct Request: Sendable, Hashable, Codable {
    /// Who sent it.
    public let sender: String
    /// Under which id it is remembered.
    public let messageID: String?
    /// Where its answer goes, unless a newer copy of the message says another place.
    public let replyTo: String?
    /// What its answer carries, unless a newer copy says something else.
    public let correlationID: String?
    /// The trace that it belongs to.
    public let traceparent: String?
    /// Whether the answer is kept for copies that come later.
    public let isRemembered: Bool
}

extension Problem {
    /// The `type` of an answer that is a problem.
    public static let messageType = "srcnet.problem.v1"
}
