public import AMQP
internal import Synchronization

/// RabbitMQ as a transport. Publishing and consuming have a connection each, so that a broker that blocks publishers
/// does not keep acknowledgements back.
public final class AMQPTransport: Transport {
    public let user: String
    private let publishing: AMQPConnection
    private let consuming: AMQPConnection

    /// Connects, or says in one sentence why it cannot.
    public init(_ configuration: AMQPConfiguration) async throws(AMQPError) {
        user = configuration.user
        publishing = try await AMQPConnection.connect(configuration)
        do throws(AMQPError) {
            consuming = try await AMQPConnection.connect(configuration)
        } catch {
            await publishing.close()
            throw error
        }
    }

    /// What happens to the connection that consumes, from now on.
    public var events: AsyncStream<AMQPConnectionEvent> { consuming.events() }

    /// What happens to the connection that publishes, from now on. Only this one is told when the broker takes no
    /// messages.
    public var publisherEvents: AsyncStream<AMQPConnectionEvent> { publishing.events() }

    /// Counts of both connections since they were made.
    public var statistics: (publishing: AMQPStatistics, consuming: AMQPStatistics) {
        (publishing.statistics, consuming.statistics)
    }

    public func publish(_ batch: [AMQPMessage]) async -> [PublishOutcome] {
        await publishing.publish(batch)
    }

    public func subscribe(to queues: [String], prefetch: UInt16) async throws -> any Subscription {
        AMQPSubscription(try await consuming.consume(queues: queues, prefetch: prefetch))
    }

    public func close() async {
        await consuming.close()
        await publishing.close()
    }
}

private final class AMQPSubscription: Subscription {
    private let consumer: AMQPConsumer

    init(_ consumer: AMQPConsumer) { self.consumer = consumer }

    func next(until deadline: ContinuousClock.Instant?) async throws -> DeliveryBatch {
        let batch = try await consumer.next(until: deadline)
        let messages = batch.messages
        let held = Mutex<AMQPDeliveryBatch?>(consume batch)
        let holder = Holder(held)
        return DeliveryBatch(messages) { settlement in holder.settle(settlement) }
    }

    func interrupt() { consumer.interrupt() }

    func cancel() async { await consumer.cancel() }

    private final class Holder: Sendable {
        private let batch: Mutex<AMQPDeliveryBatch?>

        init(_ batch: consuming Mutex<AMQPDeliveryBatch?>) { self.batch = batch }

        func settle(_ settlement: DeliveryBatch.Settlement) {
            batch.withLock { held in
                guard let batch = held.take() else { return }
                switch settlement {
                case .acknowledged: batch.acknowledge()
                case .requeued: batch.reject(requeue: true)
                }
            }
        }
    }
}
