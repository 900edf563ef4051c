/// What to tell the broker about one message.
public enum AMQPSettlement: Sendable, Hashable {
    case acknowledge
    /// Back to the queue; a quorum queue counts it as one more delivery.
    case requeue
    /// Dropped, or dead-lettered where the queue says so.
    case discard
}

/// Messages taken from the broker, which wait to be settled: all at once, or one by one by a rule.
///
/// It cannot be copied and is used up by settling. One that is dropped without being settled goes back to the queue
/// and is counted (`AMQPStatistics.forgottenBatches`). Settling after the connection was lost does nothing but be
/// counted: the broker has already taken the messages back.
public struct AMQPDeliveryBatch: ~Copyable, Sendable {
    /// In the order of delivery. Empty where the deadline passed or the wait was interrupted.
    public let messages: [AMQPDelivery]
    private let ticket: SettlementTicket?
    private var isSettled = false

    init(messages: [AMQPDelivery], ticket: SettlementTicket?) {
        self.messages = messages
        self.ticket = ticket
    }

    deinit {
        guard !isSettled, let ticket, !messages.isEmpty else { return }
        ticket.forget(count: messages.count)
    }

    public var isEmpty: Bool { messages.isEmpty }
    public var count: Int { messages.count }

    /// Tells the broker that all of them are done with. Sent together with others within 2 ms.
    public consuming func acknowledge() {
        isSettled = true
        ticket?.settleAll(count: messages.count, as: .acknowledge)
    }

    /// Gives all of them back to the queue, or drops them.
    public consuming func reject(requeue: Bool) {
        isSettled = true
        ticket?.settleAll(count: messages.count, as: requeue ? .requeue : .discard)
    }

    /// Settles each as `rule` says, which is called once for each message with its index, in order.
    public consuming func settle(_ rule: (Int, AMQPDelivery) -> AMQPSettlement) {
        isSettled = true
        ticket?.settle(messages.enumerated().map { rule($0.offset, $0.element) })
    }
}
