/// A connection to RabbitMQ that mends itself.
///
/// One operating system thread owns the socket; every method may be called from any task and waits without blocking a
/// thread. Publishers and consumers of one program should use a connection each: the broker holds back a connection
/// that publishes too fast, and its deliveries with it.
public final class AMQPConnection: Sendable {
    /// What it was made with.
    public let configuration: AMQPConfiguration
    let core: ConnectionCore

    private init(configuration: AMQPConfiguration, core: ConnectionCore) {
        self.configuration = configuration
        self.core = core
    }

    deinit { core.abandon() }

    /// Connects and logs in; each endpoint is tried once. Later losses are mended by itself, this first one is thrown.
    public static func connect(_ configuration: AMQPConfiguration) async throws(AMQPError) -> AMQPConnection {
        let core = try await ConnectionCore.start(configuration)
        return AMQPConnection(configuration: configuration, core: core)
    }

    /// Publishes one message and returns when the broker has it.
    ///
    /// Throws `.unroutable` when it is mandatory and no queue takes it, `.nacked` when the broker refuses it. Waits while
    /// the window is full, the broker is blocked or the connection is being mended, up to `confirmTimeout`. A cancelled
    /// task goes on waiting: the message may already be with the broker.
    public func publish(_ message: AMQPMessage) async throws(AMQPError) {
        let outcomes = await publish([message])
        if let error = outcomes.first?.error { throw error }
    }

    /// Publishes in order, and says of each message what became of it; the cheapest form.
    public func publish(_ batch: [AMQPMessage]) async -> [PublishOutcome] {
        await core.publish(batch)
    }

    /// Takes up a consumer of `queues`, each with up to `prefetch` unsettled messages (1 or more; streams need it too).
    ///
    /// `declaring` is declared first, now and after each reconnect. `arguments` go with each basic.consume, such as
    /// `x-stream-offset`. Returns when the broker has accepted all of it.
    public func consume(
        queues: [String], prefetch: UInt16, declaring: [AMQPDeclaration] = [],
        arguments: [String: AMQPValue] = [:], exclusive: Bool = false
    ) async throws(AMQPError) -> AMQPConsumer {
        let plan = ConsumePlan(
            queues: queues, prefetch: prefetch, declarations: declaring, arguments: arguments, isExclusive: exclusive)
        return AMQPConsumer(core: try await core.consume(plan), connection: self)
    }

    /// What happens to the connection from now on. Each call makes a listener of its own, which keeps the newest 256.
    public func events() -> AsyncStream<AMQPConnectionEvent> { core.events.listen() }

    /// Counts so far.
    public var statistics: AMQPStatistics { core.statistics }

    /// Whether it can publish now: connected, logged in, and not blocked by the broker.
    public var isReady: Bool { core.isReady }

    /// Stops the consumers, sends what is acknowledged, waits for open confirms, and takes leave of the broker; what is
    /// not done `within` the time is abandoned. Safe to call twice.
    public func close(within: Duration = .seconds(5)) async { await core.close(within: within) }
}

/// Connects, runs `body`, and closes whatever happens.
public func withAMQPConnection<Result>(
    _ configuration: AMQPConfiguration, _ body: (AMQPConnection) async throws -> Result
) async throws -> Result {
    let connection = try await AMQPConnection.connect(configuration)
    do {
        let result = try await body(connection)
        await connection.close()
        return result
    } catch {
        await connection.close()
        throw error
    }
}
