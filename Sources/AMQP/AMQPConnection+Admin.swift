// Each of these runs on a channel of its own, so that a refusal ends nothing else.
extension AMQPConnection {
    /// Declares an exchange; `.preconditionFailed` when it exists with other properties.
    public func declareExchange(
        _ name: String, kind: String, durable: Bool = true, autoDelete: Bool = false, passive: Bool = false,
        arguments: [String: AMQPValue] = [:]
    ) async throws(AMQPError) {
        let exchange = AMQPExchange(
            name: name, kind: kind, isDurable: durable, isAutoDelete: autoDelete, isPassive: passive,
            arguments: arguments)
        _ = try await core.request(.declareExchange(exchange))
    }

    /// Declares a queue and says how many messages and consumers it has.
    @discardableResult
    public func declareQueue(
        _ name: String, durable: Bool = true, exclusive: Bool = false, autoDelete: Bool = false,
        passive: Bool = false, arguments: [String: AMQPValue] = [:]
    ) async throws(AMQPError) -> AMQPQueueState {
        let queue = AMQPQueue(
            name: name, isDurable: durable, isExclusive: exclusive, isAutoDelete: autoDelete, isPassive: passive,
            arguments: arguments)
        return try await core.request(.declareQueue(queue)).queueState
    }

    /// Declares whatever it is.
    public func declare(_ declaration: AMQPDeclaration) async throws(AMQPError) {
        _ = try await core.request(AMQPRequest(declaration))
    }

    /// Binds a queue to an exchange.
    public func bindQueue(
        _ queue: String, to exchange: String, key: String, arguments: [String: AMQPValue] = [:]
    ) async throws(AMQPError) {
        let binding = AMQPBinding(queue: queue, exchange: exchange, routingKey: key, arguments: arguments)
        _ = try await core.request(.bind(binding))
    }

    /// Takes a binding away; it is no error if there is none.
    public func unbindQueue(
        _ queue: String, from exchange: String, key: String, arguments: [String: AMQPValue] = [:]
    ) async throws(AMQPError) {
        let binding = AMQPBinding(queue: queue, exchange: exchange, routingKey: key, arguments: arguments)
        _ = try await core.request(.unbind(binding))
    }

    /// Deletes a queue with its messages and says how many there were; it is no error if there is none.
    @discardableResult
    public func deleteQueue(
        _ name: String, ifUnused: Bool = false, ifEmpty: Bool = false
    ) async throws(AMQPError) -> UInt32 {
        try await core.request(.deleteQueue(name, ifUnused: ifUnused, ifEmpty: ifEmpty)).queueState.messages
    }

    /// Deletes an exchange; it is no error if there is none.
    public func deleteExchange(_ name: String, ifUnused: Bool = false) async throws(AMQPError) {
        _ = try await core.request(.deleteExchange(name, ifUnused: ifUnused))
    }

    /// Drops the messages that wait in a queue and says how many there were.
    @discardableResult
    public func purgeQueue(_ name: String) async throws(AMQPError) -> UInt32 {
        try await core.request(.purgeQueue(name)).queueState.messages
    }

    /// Takes one message from a queue; the batch is empty when there is none. For tools and tests: a consumer is faster.
    public func get(_ queue: String) async throws(AMQPError) -> AMQPDeliveryBatch {
        let reply = try await core.request(.get(queue))
        return AMQPDeliveryBatch(messages: reply.deliveries, ticket: reply.ticket)
    }
}
