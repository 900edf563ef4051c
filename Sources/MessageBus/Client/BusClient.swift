public import AMQP
internal import Synchronization
public import Wire

/// What a program that is no participant needs to take part: asking, hearing events, receiving callbacks.
///
/// It has a queue of its own, `client.<user>.<any>`, for answers and callbacks. The queue goes with the connection.
public final class BusClient: Sendable {
    /// The user that RabbitMQ checks.
    public let user: String
    /// The routing key on `replies` and `callbacks` under which this client hears.
    public let address: String
    private let connection: AMQPConnection
    private let consumer: AMQPConsumer
    private let contents = Mutex(Contents())

    private struct Contents {
        var waiting: [String: Waiting] = [:]
        var callbacks: [AsyncStream<ReceivedMessage>.Continuation] = []
    }

    private struct Waiting {
        let continuation: CheckedContinuation<Result<ReceivedMessage, BusClientError>, Never>
        let asking: Task<Void, Never>
    }

    /// Connects and declares the client's queue.
    public init(_ configuration: AMQPConfiguration) async throws(AMQPError) {
        user = configuration.user
        address = "client.\(user).\(IDSource.random.next())"
        connection = try await AMQPConnection.connect(configuration)
        do throws(AMQPError) {
            consumer = try await connection.consume(
                queues: [address], prefetch: 200,
                declaring: [
                    .queue(AMQPQueue(name: address, isDurable: false, isExclusive: true, isAutoDelete: true)),
                    .binding(AMQPBinding(queue: address, exchange: Exchange.replies.rawValue, routingKey: address)),
                    .binding(AMQPBinding(queue: address, exchange: Exchange.callbacks.rawValue, routingKey: address)),
                ])
        } catch {
            await connection.close()
            throw error
        }
    }

    /// Runs `body` with a client that is closed at its end.
    public static func with<Value>(
        _ configuration: AMQPConfiguration, _ body: (BusClient) async throws -> Value
    ) async throws -> Value {
        let client = try await BusClient(configuration)
        let reading = Task { await client.read() }
        do {
            let value = try await body(client)
            reading.cancel()
            await client.connection.close()
            return value
        } catch {
            reading.cancel()
            await client.connection.close()
            throw error
        }
    }

    // MARK: Asking

    /// Sends a command or a query and waits for its answer.
    /// - Parameters:
    ///   - key: the participant's address, such as `global-execution` or `execution-broker.ral`.
    ///   - id: the idempotency key; a new one where it is not given.
    ///   - patience: how long the answer may take; it also travels as the message's `deadline`.
    public func request(
        _ type: String, of key: String, _ body: JSON, exchange: Exchange = .commands, id: String? = nil,
        patience: Duration = .seconds(30)
    ) async throws(BusClientError) -> ReceivedMessage {
        try await request(type, of: key, bytes: body.bytes, exchange: exchange, id: id, patience: patience)
    }

    /// The same with a body as it stands, whatever it is.
    public func request(
        _ type: String, of key: String, bytes: [UInt8], exchange: Exchange = .commands, id: String? = nil,
        patience: Duration = .seconds(30)
    ) async throws(BusClientError) -> ReceivedMessage {
        let correlationID = IDSource.random.next()
        let now = Timestamp.now()
        var message = Outgoing(
            exchange: exchange, key: key, type: type, id: id ?? IDSource.random.next(), time: now, body: .null)
        message.body = bytes
        message.replyTo = address
        message.correlationID = correlationID
        message.deadline = now + patience
        message.isMandatory = true
        let sent = message.message(user: user, sender: user)
        let result = await withCheckedContinuation { continuation in
            // Under the lock, so that no answer finds nobody waiting, however fast it comes.
            contents.withLock { contents in
                let asking = Task {
                    do throws(AMQPError) {
                        try await connection.publish(sent)
                    } catch {
                        settle(
                            correlationID, .failure(error.code == .unroutable ? .noReceiver(key) : .connection(error)))
                        return
                    }
                    try? await Task.sleep(for: patience)
                    settle(correlationID, .failure(.noAnswer(key, patience)))
                }
                contents.waiting[correlationID] = Waiting(continuation: continuation, asking: asking)
            }
        }
        let answer = try result.get()
        if let problem = answer.problem { throw .problem(problem) }
        return answer
    }

    /// Publishes a message and does not wait for an answer.
    public func publish(
        _ type: String, to key: String, _ body: [UInt8], exchange: Exchange, id: String? = nil, replyTo: String? = nil,
        correlationID: String? = nil
    ) async throws(AMQPError) {
        var message = Outgoing(
            exchange: exchange, key: key, type: type, id: id ?? IDSource.random.next(), time: .now(), body: .null)
        message.body = body
        message.replyTo = replyTo
        message.correlationID = correlationID
        message.isMandatory = exchange == .commands
        try await connection.publish(message.message(user: user, sender: user))
    }

    // MARK: Hearing

    /// Callbacks to `address` from now on.
    public func callbacks() -> AsyncStream<ReceivedMessage> {
        let (stream, continuation) = AsyncStream.makeStream(of: ReceivedMessage.self)
        contents.withLock { $0.callbacks.append(continuation) }
        return stream
    }

    /// Calls `body` with each event whose routing key fits one of the patterns, in order, until it returns false.
    public func hear(
        _ patterns: [String], from exchange: Exchange = .events, ready: () -> Void = {},
        _ body: (ReceivedMessage) async throws -> Bool
    ) async throws {
        try await BusClient.hear(patterns, over: connection, as: user, from: exchange, ready: ready, body)
    }

    /// The same for a user who may hear and not ask, and so has no queue for answers.
    public static func hear(
        _ patterns: [String], with configuration: AMQPConfiguration, from exchange: Exchange = .events,
        ready: () -> Void = {}, _ body: (ReceivedMessage) async throws -> Bool
    ) async throws {
        try await withAMQPConnection(configuration) { connection in
            try await hear(patterns, over: connection, as: configuration.user, from: exchange, ready: ready, body)
        }
    }

    /// The same over a connection of the caller's, who can follow its events: while it is lost, events are missed.
    public static func hear(
        _ patterns: [String], over connection: AMQPConnection, as user: String, from exchange: Exchange = .events,
        ready: () -> Void = {}, _ body: (ReceivedMessage) async throws -> Bool
    ) async throws {
        try await hear(patterns, over: connection, as: user, from: exchange, ready: ready, wakesAt: { nil }) {
            messages in
            for message in messages { guard try await body(message) else { return false } }
            return true
        }
    }

    /// - Parameters:
    ///   - wakesAt: when `batch` is to be called at the latest, with nothing then.
    ///   - batch: takes what has come; false ends the hearing.
    private static func hear(
        _ patterns: [String], over connection: AMQPConnection, as user: String, from exchange: Exchange,
        ready: () -> Void, wakesAt: () -> Timestamp?, batch body: ([ReceivedMessage]) async throws -> Bool
    ) async throws {
        let queue = "client.\(user).\(IDSource.random.next())"
        let bindings = patterns.map { pattern in
            AMQPDeclaration.binding(AMQPBinding(queue: queue, exchange: exchange.rawValue, routingKey: pattern))
        }
        let hearing = try await connection.consume(
            queues: [queue], prefetch: 500,
            declaring: [.queue(AMQPQueue(name: queue, isDurable: false, isExclusive: true, isAutoDelete: true))]
                + bindings)
        ready()
        var goesOn = true
        while goesOn {
            let batch = try await hearing.next(until: wakesAt().map { .now + max(.zero, $0 - .now()) })
            let messages = batch.messages.map(ReceivedMessage.init)
            batch.acknowledge()
            goesOn = try await body(messages)
        }
        await hearing.cancel()
    }

    /// Calls `body` with each event in the order of its subject, once, and `missed` with the numbers that did not come.
    /// Events without a number pass as they come.
    public static func hearInOrder(
        _ patterns: [String], over connection: AMQPConnection, as user: String, from exchange: Exchange = .events,
        patience: Duration = .seconds(10), ready: () -> Void = {},
        missed: (_ subject: String, _ numbers: ClosedRange<Int64>) -> Void,
        _ body: (ReceivedMessage) async throws -> Bool
    ) async throws {
        var sequencer = EventSequencer<ReceivedMessage>(patience: patience)
        try await hear(
            patterns, over: connection, as: user, from: exchange, ready: ready,
            wakesAt: { sequencer.nextRelease },
            batch: { messages in
                let now = Timestamp.now()
                var steps = sequencer.release(at: now)
                for message in messages {
                    if let subject = message.subject, let sequence = message.sequence {
                        steps += sequencer.take(message, of: subject, sequence: sequence, at: now)
                    } else {
                        steps.append(.event(message))
                    }
                }
                for step in steps {
                    switch step {
                    case .event(let message): guard try await body(message) else { return false }
                    case .gap(let subject, let numbers): missed(subject, numbers)
                    }
                }
                return true
            })
    }

    private func read() async {
        while let batch = try? await consumer.next() {
            for delivery in batch.messages {
                let message = ReceivedMessage(delivery)
                if delivery.exchange == Exchange.callbacks.rawValue {
                    contents.withLock { for listener in $0.callbacks { listener.yield(message) } }
                } else if let id = message.correlationID {
                    settle(id, .success(message))
                }
            }
            batch.acknowledge()
        }
    }

    private func settle(_ correlationID: String, _ result: Result<ReceivedMessage, BusClientError>) {
        guard let waiting = contents.withLock({ $0.waiting.removeValue(forKey: correlationID) }) else { return }
        waiting.asking.cancel()
        waiting.continuation.resume(returning: result)
    }
}

/// A message as a client sees it. Its body may be anything; a participant's is a JSON object.
public struct ReceivedMessage: Sendable {
    public let type: String
    public let key: String
    public let exchange: String
    /// The user of RabbitMQ that sent it.
    public let sender: String
    public let id: String?
    public let correlationID: String?
    public let subject: String?
    public let sequence: Int64?
    /// W3C trace context: the trace that it belongs to.
    public let traceparent: String?
    /// When it was decided on.
    public let time: Timestamp?
    public let body: JSON

    package init(_ delivery: AMQPDelivery) {
        type = delivery.properties.type ?? delivery.attribute("type") ?? ""
        key = delivery.routingKey
        exchange = delivery.exchange
        sender = delivery.properties.userID ?? ""
        id = delivery.properties.messageID
        correlationID = delivery.properties.correlationID
        subject = delivery.attribute("subject")
        sequence = delivery.number("sequence")
        traceparent = delivery.header("traceparent")
        time = delivery.attribute("time").flatMap(Timestamp.init)
        body = (try? JSON(parsing: delivery.body)) ?? .string(String(decoding: delivery.body, as: UTF8.self))
    }

    /// The problem that it is, if it is one.
    public var problem: Problem? { type == Problem.messageType ? Problem(body) : nil }
}

/// Why a request got no good answer.
public enum BusClientError: Error, Sendable, CustomStringConvertible {
    /// The answer is a problem.
    case problem(Problem)
    /// No queue takes messages under this key.
    case noReceiver(String)
    /// Nobody answered in this time.
    case noAnswer(String, Duration)
    case connection(AMQPError)

    public var description: String {
        switch self {
        case .problem(let problem): "\(problem.kind.title): \(problem)"
        case .noReceiver(let key): "nobody is there to take messages for \(key); see execbus ping"
        case .noAnswer(let key, let patience): "\(key) did not answer within \(patience.seconds) s; is it running?"
        case .connection(let error): error.message
        }
    }
}
