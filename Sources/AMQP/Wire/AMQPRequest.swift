/// A question to the broker that it answers on the same channel.
enum AMQPRequest: Sendable {
    case declareExchange(AMQPExchange)
    case declareQueue(AMQPQueue)
    case bind(AMQPBinding)
    case unbind(AMQPBinding)
    case deleteQueue(String, ifUnused: Bool, ifEmpty: Bool)
    case deleteExchange(String, ifUnused: Bool)
    case purgeQueue(String)
    case get(String)

    init(_ declaration: AMQPDeclaration) {
        switch declaration {
        case .exchange(let exchange): self = .declareExchange(exchange)
        case .queue(let queue): self = .declareQueue(queue)
        case .binding(let binding): self = .bind(binding)
        }
    }

    var method: MethodID {
        switch self {
        case .declareExchange: .exchangeDeclare
        case .declareQueue: .queueDeclare
        case .bind: .queueBind
        case .unbind: .queueUnbind
        case .deleteQueue: .queueDelete
        case .deleteExchange: .exchangeDelete
        case .purgeQueue: .queuePurge
        case .get: .basicGet
        }
    }

    /// The method that says yes; a refusal closes the channel instead.
    var answer: MethodID {
        switch self {
        case .declareExchange: .exchangeDeclareOK
        case .declareQueue: .queueDeclareOK
        case .bind: .queueBindOK
        case .unbind: .queueUnbindOK
        case .deleteQueue: .queueDeleteOK
        case .deleteExchange: .exchangeDeleteOK
        case .purgeQueue: .queuePurgeOK
        case .get: .basicGetOK
        }
    }
}

/// What the broker answered.
struct AMQPReply: Sendable {
    var queueState = AMQPQueueState(messages: 0, consumers: 0)
    var deliveries: [AMQPDelivery] = []
    var ticket: SettlementTicket?
}
