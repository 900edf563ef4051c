internal import AMQP

/// Where a delivery first came from: who sent it, to which exchange, under which key.
///
/// Most deliveries say it themselves. One that returns from waiting, or that an operator replayed, says it in headers; they
/// are believed only where RabbitMQ has checked that this participant itself wrote them.
struct Origin: Sendable, Hashable {
    let exchange: String
    let key: String
    /// The user of RabbitMQ; empty where it is not known.
    let sender: String
    /// Which copy this is, of those that went to wait; nil for one that comes from its sender, or by a replay.
    let copy: Int64?
    /// Whether an operator sent it again from where it was parked.
    let isReplayed: Bool

    /// - Parameter address: the participant that received it.
    init(_ delivery: AMQPDelivery, at address: String) {
        let user = delivery.properties.userID ?? ""
        guard user == address, delivery.exchange == Exchange.requeue.rawValue else {
            (exchange, key, sender, copy) = (delivery.exchange, delivery.routingKey, user, nil)
            isReplayed = false
            return
        }
        exchange = delivery.header(.originalExchange) ?? delivery.exchange
        key = delivery.header(.originalKey) ?? delivery.routingKey
        sender = delivery.header(.asker) ?? address
        copy = delivery.number(FailureHeader.copy.rawValue)
        isReplayed = copy == nil
    }
}

extension AMQPDelivery {
    /// The text of one of the headers that retrying writes.
    package func header(_ header: FailureHeader) -> String? { self.header(header.rawValue) }
}
