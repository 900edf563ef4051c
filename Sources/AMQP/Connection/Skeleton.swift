struct SettlementTicket: Sendable {
    func forget(count: Int) {}
    func settleAll(count: Int, as settlement: AMQPSettlement) {}
    func settle(_ settlements: [AMQPSettlement]) {}
}
struct ConsumePlan: Sendable {
    let queues: [String]
    let prefetch: UInt16
    let declarations: [AMQPDeclaration]
    let arguments: [String: AMQPValue]
    let isExclusive: Bool
}
enum AMQPRequest: Sendable {
    case declareExchange(AMQPExchange), declareQueue(AMQPQueue), bind(AMQPBinding), unbind(AMQPBinding)
    case deleteQueue(String, ifUnused: Bool, ifEmpty: Bool), deleteExchange(String, ifUnused: Bool)
    case purgeQueue(String), get(String)
    init(_ declaration: AMQPDeclaration) {
        switch declaration {
        case .exchange(let exchange): self = .declareExchange(exchange)
        case .queue(let queue): self = .declareQueue(queue)
        case .binding(let binding): self = .bind(binding)
        }
    }
}
struct AMQPReply: Sendable {
    var queueState = AMQPQueueState(messages: 0, consumers: 0)
    var deliveries: [AMQPDelivery] = []
    var ticket: SettlementTicket?
}
final class EventHub: Sendable {
    func listen() -> AsyncStream<AMQPConnectionEvent> { AsyncStream { $0.finish() } }
}
final class ConsumerCore: Sendable {
    let queues: [String] = []
    func next(limit: Int, until: ContinuousClock.Instant?) async throws(AMQPError) -> AMQPDeliveryBatch {
        throw AMQPError(.closed, "closed")
    }
    func interrupt() {}
    func cancel() async {}
    func abandon() {}
}
final class ConnectionCore: Sendable {
    let events = EventHub()
    var statistics: AMQPStatistics { AMQPStatistics() }
    var isReady: Bool { false }
    static func start(_ configuration: AMQPConfiguration) async throws(AMQPError) -> ConnectionCore {
        throw AMQPError(.closed, "closed")
    }
    func publish(_ batch: [AMQPMessage]) async -> [PublishOutcome] { [] }
    func consume(_ plan: ConsumePlan) async throws(AMQPError) -> ConsumerCore { throw AMQPError(.closed, "closed") }
    func request(_ request: AMQPRequest) async throws(AMQPError) -> AMQPReply { throw AMQPError(.closed, "closed") }
    func close(within: Duration) async {}
    func abandon() {}
}
