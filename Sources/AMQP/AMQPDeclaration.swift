/// Something to declare on the broker. A consumer carries a list of these and declares it anew, in order,
/// each time it is taken up: exclusive queues and their bindings end with their connection.
public enum AMQPDeclaration: Sendable, Hashable {
    case exchange(AMQPExchange)
    case queue(AMQPQueue)
    case binding(AMQPBinding)
}

/// An exchange as it is declared.
public struct AMQPExchange: Sendable, Hashable {
    public var name: String
    /// `topic`, `direct`, `fanout`, `headers`, or one of a plug-in.
    public var kind: String
    public var isDurable: Bool
    public var isAutoDelete: Bool
    public var isInternal: Bool
    /// Only asks whether it is there.
    public var isPassive: Bool
    public var arguments: [String: AMQPValue]

    public init(
        name: String, kind: String, isDurable: Bool = true, isAutoDelete: Bool = false, isInternal: Bool = false,
        isPassive: Bool = false, arguments: [String: AMQPValue] = [:]
    ) {
        self.name = name
        self.kind = kind
        self.isDurable = isDurable
        self.isAutoDelete = isAutoDelete
        self.isInternal = isInternal
        self.isPassive = isPassive
        self.arguments = arguments
    }
}

/// A queue as it is declared.
public struct AMQPQueue: Sendable, Hashable {
    public var name: String
    public var isDurable: Bool
    /// Usable by this connection alone, and gone with it.
    public var isExclusive: Bool
    /// Gone with its last consumer.
    public var isAutoDelete: Bool
    /// Only asks whether it is there.
    public var isPassive: Bool
    public var arguments: [String: AMQPValue]

    public init(
        name: String, isDurable: Bool = true, isExclusive: Bool = false, isAutoDelete: Bool = false,
        isPassive: Bool = false, arguments: [String: AMQPValue] = [:]
    ) {
        self.name = name
        self.isDurable = isDurable
        self.isExclusive = isExclusive
        self.isAutoDelete = isAutoDelete
        self.isPassive = isPassive
        self.arguments = arguments
    }
}

/// A queue bound to an exchange.
public struct AMQPBinding: Sendable, Hashable {
    public var queue: String
    public var exchange: String
    public var routingKey: String
    public var arguments: [String: AMQPValue]

    public init(queue: String, exchange: String, routingKey: String, arguments: [String: AMQPValue] = [:]) {
        self.queue = queue
        self.exchange = exchange
        self.routingKey = routingKey
        self.arguments = arguments
    }
}

/// What the broker says of a queue when it is declared.
public struct AMQPQueueState: Sendable, Hashable {
    /// Messages ready to be delivered.
    public let messages: UInt32
    public let consumers: UInt32
}
