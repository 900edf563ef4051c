internal import AMQP
internal import LocalNetwork
internal import MessageBus
internal import Synchronization
internal import Topology
internal import Wire

/// A parked message and the queue that it rests in.
struct ParkedEntry {
    let queue: String
    let message: ParkedMessage
}

/// The parked queues of a network, for an operator.
struct ParkedQueues {
    /// A quorum queue gives no more than so many messages to one consumer at a time.
    static let limit = 2_000
    /// Who gets nothing for so long has all that there is.
    private static let silence = Duration.seconds(2)

    private let connection: AMQPConnection
    private let names: [String]

    /// Connects as the network's operator.
    static func with(_ invocation: Invocation, _ body: (ParkedQueues) async throws -> Void) async throws {
        let configuration = try Connecting.configuration(invocation, as: DefaultUsers.operatorName)
        let isNetwork = invocation["state"] != nil || Connecting.environment("EXECBUS_AMQP") == nil
        let sites =
            invocation["sites"] == nil && isNetwork
            ? try Connecting.network(invocation).sites.compactMap(SiteName.init) : try Command.siteNames(invocation)
        let names = Topology(sites: sites).queues.map(\.name).filter { $0.hasSuffix(".parked") }
        try await withAMQPConnection(configuration) { connection in
            try await body(ParkedQueues(connection: connection, names: names))
        }
    }

    /// The queues that hold messages: all, or the one that is named.
    func filled(_ name: String?) async throws -> [String] {
        var filled: [String] = []
        for queue in name.map({ [$0] }) ?? names where try await depth(of: queue) > 0 { filled.append(queue) }
        return filled
    }

    private func depth(of queue: String) async throws -> Int {
        Int(try await connection.declareQueue(queue, passive: true).messages)
    }

    /// Takes messages of a queue without settling them.
    func read(_ queue: String, limit: Int) async throws -> ParkedReading {
        let depth = try await depth(of: queue)
        let wanted = min(limit, depth)
        let consumer = try await connection.consume(queues: [queue], prefetch: UInt16(clamping: wanted))
        var batches: [HeldBatch] = []
        var count = 0
        while count < wanted {
            let batch = try await consumer.next(until: .now + Self.silence)
            if batch.isEmpty { break }
            count += batch.count
            batches.append(HeldBatch(batch))
        }
        return ParkedReading(queue: queue, depth: depth, consumer: consumer, batches: batches)
    }

    /// Publishes a message, for whom it says.
    func publish(_ messages: [AMQPMessage]) async -> [PublishOutcome] { await connection.publish(messages) }

    /// Whether a participant's queue is there.
    func hasQueue(_ name: String) async throws -> Bool {
        do throws(AMQPError) {
            try await connection.declareQueue(name, passive: true)
            return true
        } catch {
            guard error.code == .notFound else { throw error }
            return false
        }
    }
}

/// What was read of a parked queue. Its messages are nobody else's until each is settled or given back.
struct ParkedReading {
    let queue: String
    /// How many messages there were.
    let depth: Int
    fileprivate let consumer: AMQPConsumer
    let batches: [HeldBatch]

    fileprivate init(queue: String, depth: Int, consumer: AMQPConsumer, batches: [HeldBatch]) {
        self.queue = queue
        self.depth = depth
        self.consumer = consumer
        self.batches = batches
    }

    /// The messages that a selection is about, in the order of the queue.
    func entries(_ selection: ParkedSelection) -> [ParkedEntry] {
        batches.flatMap(\.messages).map(ParkedMessage.init).filter(selection.contains).map {
            ParkedEntry(queue: queue, message: $0)
        }
    }

    /// What is left out, in words.
    var note: String? {
        let count = batches.reduce(0) { $0 + $1.messages.count }
        return count < depth ? "\(queue) holds \(depth) messages; the oldest \(count) were looked at" : nil
    }

    /// Gives back what is not settled yet.
    func giveBack() async {
        for batch in batches { batch.settle { _ in .requeue } }
        await consumer.cancel()
    }
}

/// A batch that is settled once, later.
final class HeldBatch: Sendable {
    let messages: [AMQPDelivery]
    private let batch: Mutex<AMQPDeliveryBatch?>

    init(_ batch: consuming AMQPDeliveryBatch) {
        messages = batch.messages
        self.batch = Mutex(consume batch)
    }

    /// Settles each by a rule; does nothing where that was done before.
    func settle(_ rule: (AMQPDelivery) -> AMQPSettlement) {
        batch.withLock { held in
            guard let batch = held.take() else { return }
            batch.settle { _, message in rule(message) }
        }
    }
}
