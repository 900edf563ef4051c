internal import AMQP

extension Topology {
    /// The exchanges of contract.md, in its order.
    static let exchanges: [AMQPExchange] = [
        AMQPExchange(name: "commands", kind: "topic"),
        AMQPExchange(name: "offers", kind: "topic"),
        AMQPExchange(name: "replies", kind: "topic"),
        AMQPExchange(name: "events", kind: "topic"),
        AMQPExchange(name: "heartbeats", kind: "topic"),
        AMQPExchange(name: "callbacks", kind: "topic"),
        // By a header, because the routing key has to say where a message returns to: dead-lettering keeps the key.
        AMQPExchange(name: "retry", kind: "headers"),
        // What names a queue that does not exist is kept in sight. Without the alternate exchange, such a message would
        // hold up the waiting queue: it is tried again only every three minutes, and 32 of them block the others.
        AMQPExchange(name: "requeue", kind: "direct", arguments: ["alternate-exchange": "unrouted"]),
        AMQPExchange(name: "parked", kind: "direct", arguments: ["alternate-exchange": "unrouted"]),
        AMQPExchange(name: "unrouted", kind: "fanout"),
    ]
}
