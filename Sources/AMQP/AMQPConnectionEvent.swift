/// What happens to a connection, for logs, readiness and metrics. Nothing needs to be done about any of it.
public enum AMQPConnectionEvent: Sendable {
    /// Ready to publish; also after a reconnect.
    case connected(endpoint: String)
    case lost(AMQPError)
    /// The next try, the count of tries since the loss, and how long until then.
    case reconnecting(attempt: Int, after: Duration)
    /// The broker takes no messages for now (memory or disk alarm).
    case blocked(reason: String)
    case unblocked
    /// The publishing channel got no confirms and was replaced; what was under way on it is reported as unknown.
    case publisherReplaced
    /// The broker ended a consumer: its queue is gone or moved. It is taken up again if the queue comes back.
    case consumerCancelled(queue: String)
    /// A consumer's channel ended, or could not be taken up; it is tried again.
    case consumerLost(queues: [String], AMQPError)
    /// Every queue of a consumer is consumed again.
    case consumerRecovered(queues: [String])
    case closed
}

/// Counts since the connection object was made, over all reconnects.
public struct AMQPStatistics: Sendable, Hashable {
    public internal(set) var published: UInt64 = 0
    public internal(set) var confirmed: UInt64 = 0
    public internal(set) var returned: UInt64 = 0
    public internal(set) var nacked: UInt64 = 0
    /// Published, and the connection or channel ended before the confirm.
    public internal(set) var unconfirmed: UInt64 = 0
    public internal(set) var delivered: UInt64 = 0
    public internal(set) var acknowledged: UInt64 = 0
    public internal(set) var rejected: UInt64 = 0
    /// Settlements that came after the delivery's channel was gone; the broker delivers those messages again.
    public internal(set) var staleAcknowledgements: UInt64 = 0
    /// Batches dropped without being settled; their messages went back to the queue.
    public internal(set) var forgottenBatches: UInt64 = 0
    public internal(set) var reconnects: UInt64 = 0
    /// System calls that wrote to the socket.
    public internal(set) var sends: UInt64 = 0

    public init() {}

    /// Adds what one turn has counted.
    static func += (total: inout AMQPStatistics, turn: AMQPStatistics) {
        total.published += turn.published
        total.confirmed += turn.confirmed
        total.returned += turn.returned
        total.nacked += turn.nacked
        total.unconfirmed += turn.unconfirmed
        total.delivered += turn.delivered
        total.acknowledged += turn.acknowledged
        total.rejected += turn.rejected
        total.staleAcknowledgements += turn.staleAcknowledgements
        total.forgottenBatches += turn.forgottenBatches
        total.reconnects += turn.reconnects
        total.sends += turn.sends
    }
}
