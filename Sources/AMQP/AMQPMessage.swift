/// A message on its way to the broker.
public struct AMQPMessage: Sendable, Hashable {
    /// Empty for the default exchange, which routes to the queue named by the key.
    public var exchange: String
    public var routingKey: String
    public var properties: AMQPProperties
    public var body: [UInt8]
    /// Whether it comes back, as an error, when no queue takes it.
    public var isMandatory: Bool

    public init(
        exchange: String, routingKey: String, properties: AMQPProperties = AMQPProperties(), body: [UInt8],
        isMandatory: Bool = false
    ) {
        self.exchange = exchange
        self.routingKey = routingKey
        self.properties = properties
        self.body = body
        self.isMandatory = isMandatory
    }
}

/// What became of one published message.
public enum PublishOutcome: Sendable {
    /// The broker has it (quorum queue: a majority has written it).
    case confirmed
    /// Mandatory, and no queue takes it: the broker's reply code (312) and text.
    case returned(code: UInt16, text: String)
    /// The broker did not take it; publish it again later (queue full, no quorum).
    case nacked
    /// The connection or channel was lost before the confirm: the broker may or may not have it.
    /// Publish it again under the same message id, unless the error is not retriable.
    case unknown(AMQPError)
    /// It never left this process: too large, closed, or no room before the deadline.
    case unsent(AMQPError)

    /// Whether the broker has it.
    public var isConfirmed: Bool {
        if case .confirmed = self { true } else { false }
    }

    /// The same as an error; `nil` when confirmed.
    public var error: AMQPError? {
        switch self {
        case .confirmed: nil
        case .returned(let code, let text):
            AMQPError(
                .unroutable, "no queue takes this message (\(text)); is the addressee's queue declared and bound?",
                replyCode: code)
        case .nacked:
            AMQPError(.nacked, "the broker refused the message (queue full or without a majority); try again later")
        case .unknown(let error), .unsent(let error): error
        }
    }
}

/// A message that the broker gave to a consumer.
public struct AMQPDelivery: Sendable, Hashable {
    /// The queue that it came from.
    public let queue: String
    public let exchange: String
    public let routingKey: String
    /// Whether it was delivered before, to anybody, without being acknowledged.
    public let isRedelivered: Bool
    public let properties: AMQPProperties
    public let body: [UInt8]

    public init(
        queue: String, exchange: String, routingKey: String, isRedelivered: Bool, properties: AMQPProperties,
        body: [UInt8]
    ) {
        self.queue = queue
        self.exchange = exchange
        self.routingKey = routingKey
        self.isRedelivered = isRedelivered
        self.properties = properties
        self.body = body
    }
}
