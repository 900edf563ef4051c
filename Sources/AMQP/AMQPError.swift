/// What went wrong between this program and the broker, in one sentence that says what to do.
///
/// Decide by `code`; show `message`. Two errors with the same code count as equal for a caller's decisions.
public struct AMQPError: Error, Sendable, CustomStringConvertible {
    /// Which kind of failure it is. More may be added, so always keep a default.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Kind: String, Sendable {
            case connectionRefused, authenticationFailed, virtualHostRefused, notFound, accessRefused
            case preconditionFailed, resourceLocked, unroutable, nacked, connectionLost, connectionClosed
            case channelClosed, timeout, closed, blocked, tooLarge, invalidURI, invalidArgument, cancelled, system
            case untrusted
        }
        private let kind: Kind
        private init(_ kind: Kind) { self.kind = kind }

        public var description: String { kind.rawValue }

        /// Nobody answers at the address, or what answers does not speak AMQP.
        public static let connectionRefused = Code(.connectionRefused)
        /// TLS failed: the broker's certificate is not trusted, ours is refused, or there is none that can be used.
        public static let untrusted = Code(.untrusted)
        /// User or password are wrong.
        public static let authenticationFailed = Code(.authenticationFailed)
        /// The virtual host does not exist, or this user may not enter it.
        public static let virtualHostRefused = Code(.virtualHostRefused)
        /// An exchange or a queue does not exist (AMQP 404).
        public static let notFound = Code(.notFound)
        /// The user lacks a permission (AMQP 403).
        public static let accessRefused = Code(.accessRefused)
        /// It exists with other arguments, or the broker rejects a value (AMQP 406).
        public static let preconditionFailed = Code(.preconditionFailed)
        /// An exclusive queue or consumer belongs to somebody else (AMQP 405).
        public static let resourceLocked = Code(.resourceLocked)
        /// A mandatory message that no queue takes came back.
        public static let unroutable = Code(.unroutable)
        /// The broker refused to take the message (queue full, no quorum).
        public static let nacked = Code(.nacked)
        /// The connection broke; whether the broker has what was under way is not known.
        public static let connectionLost = Code(.connectionLost)
        /// The broker closed the connection with a reply code.
        public static let connectionClosed = Code(.connectionClosed)
        /// The broker closed the channel because of another message on it.
        public static let channelClosed = Code(.channelClosed)
        /// No answer before the deadline.
        public static let timeout = Code(.timeout)
        /// This side has closed the connection or the consumer.
        public static let closed = Code(.closed)
        /// The broker holds back publishers (memory or disk alarm), longer than the deadline.
        public static let blocked = Code(.blocked)
        /// A message, a name or a header does not fit the protocol's or the configured limit.
        public static let tooLarge = Code(.tooLarge)
        /// The address of the broker cannot be read.
        public static let invalidURI = Code(.invalidURI)
        /// A value that the broker would answer by closing the channel or connection, refused here already.
        public static let invalidArgument = Code(.invalidArgument)
        /// The waiting task was cancelled.
        public static let cancelled = Code(.cancelled)
        /// The operating system refused something (threads, file descriptors).
        public static let system = Code(.system)
    }

    /// Which kind of failure it is.
    public let code: Code
    /// What happened and what to do, in one sentence without secrets.
    public let message: String
    /// The reply code of AMQP 0-9-1 where the broker gave one.
    public let replyCode: UInt16?
    /// Whether the same call may succeed later without a change on either side.
    public let isRetriable: Bool

    /// Makes an error; `isRetriable` is taken from the code where it is not given.
    public init(_ code: Code, _ message: String, replyCode: UInt16? = nil, isRetriable: Bool? = nil) {
        self.code = code
        self.message = message
        self.replyCode = replyCode
        self.isRetriable = isRetriable ?? Self.retriable.contains(code)
    }

    public var description: String { message }

    private static let retriable: Set<Code> = [
        .connectionRefused, .nacked, .connectionLost, .connectionClosed, .channelClosed, .timeout, .blocked,
        .resourceLocked,
    ]
}
