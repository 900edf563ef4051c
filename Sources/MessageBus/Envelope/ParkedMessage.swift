package import AMQP
package import Wire

/// A message that rests in a parked queue, as an operator sees it: why it is there, and where it came from.
///
/// Those that a participant parked say it in headers, which are believed where RabbitMQ has checked that it wrote them. Those
/// that RabbitMQ moved there by itself, after too many deliveries, say it in `x-death`.
package struct ParkedMessage: Sendable {
    package let delivery: AMQPDelivery
    /// The participant that it was for, which is the queue to which it returns.
    package let receiver: String
    package let exchange: String
    package let key: String
    /// The RabbitMQ user that sent it; empty where it is not known.
    package let asker: String
    package let reason: String
    /// How often it was handled, as far as it is known.
    package let attempts: Int64?
    package let firstFailed: Timestamp?
    package let lastFailed: Timestamp?

    /// - Parameter delivery: from a parked queue, whose key is the participant's address.
    package init(_ delivery: AMQPDelivery) {
        self.delivery = delivery
        receiver = delivery.routingKey
        let death = delivery.lastDeath
        if delivery.properties.userID == delivery.routingKey, delivery.header(.originalExchange) != nil {
            exchange = delivery.header(.originalExchange) ?? ""
            key = delivery.header(.originalKey) ?? ""
            asker = delivery.header(.asker) ?? ""
            reason = delivery.header(.reason) ?? ""
            attempts = delivery.number(FailureHeader.attempt.rawValue)
            firstFailed = delivery.header(.firstFailed).flatMap(Timestamp.init)
            lastFailed = delivery.header(.lastFailed).flatMap(Timestamp.init) ?? firstFailed
        } else {
            exchange = death?.exchange ?? delivery.exchange
            key = death?.key ?? delivery.routingKey
            asker = delivery.properties.userID ?? ""
            reason = "rabbitmq: \(death?.reason ?? "no queue takes it")"
            attempts = nil
            firstFailed = death?.time
            lastFailed = death?.time
        }
    }

    package var id: String? { delivery.properties.messageID ?? delivery.attribute("id") }
    package var type: String { delivery.properties.type ?? delivery.attribute("type") ?? "" }
    package var deadline: Timestamp? { delivery.header("deadline").flatMap(Timestamp.init) }

    /// The message as it is sent again: it returns to its receiver's queue with its identity, and all tries before it. It has
    /// to be published by a user who may speak for the receiver.
    /// - Parameter ignoresDeadline: takes the deadline away, after which the receiver would refuse it.
    package func replayed(ignoringDeadline ignoresDeadline: Bool = false) -> AMQPMessage {
        var carried = CarriedMessage(delivery)
        carried.set(.originalExchange, exchange)
        carried.set(.originalKey, key)
        carried.set(.asker, asker)
        if ignoresDeadline { carried.remove("deadline") }
        let properties = delivery.properties
        var message = Outgoing(
            exchange: .requeue, key: receiver, type: properties.type ?? "", id: properties.messageID ?? "",
            time: .now(), body: .null)
        message.replyTo = properties.replyTo
        message.correlationID = properties.correlationID
        message.body = delivery.body
        message.isMandatory = true
        message.carried = carried
        return message.message(user: receiver, sender: receiver)
    }
}

extension AMQPDelivery {
    fileprivate struct Death {
        let reason: String
        let exchange: String?
        let key: String?
        let time: Timestamp?
    }

    /// What RabbitMQ wrote when it moved the message the last time (rabbitmq.com/docs/dlx): the first entry.
    fileprivate var lastDeath: Death? {
        guard case .array(let deaths) = properties.headers["x-death"], case .table(let death) = deaths.first else {
            return nil
        }
        var key: String?
        if case .array(let keys) = death["routing-keys"] { key = keys.first?.string }
        var time: Timestamp?
        if case .timestamp(let seconds) = death["time"] {
            time = Timestamp(
                microseconds: Int64(clamping: seconds.multipliedReportingOverflow(by: 1_000_000).partialValue))
        }
        return Death(
            reason: death["reason"]?.string ?? "moved", exchange: death["exchange"]?.string, key: key, time: time)
    }
}
