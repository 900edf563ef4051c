internal import AMQP
internal import MessageBus
internal import Synchronization
package import Wire

/// A client as a stranger would write it with contract.md in hand: a durable queue of its own for answers and callbacks, and
/// the same message again until there is an answer that stays.
package final class SteadyClient: Sendable {
    /// What came of a command.
    package enum Outcome: Sendable {
        case done(JSON)
        case refused(Problem)
        /// No answer that stays within the patience: the checks find it.
        case none
    }

    private enum Signal: Sendable {
        case answer(type: String, body: JSON)
        case silence(attempt: Int)
    }

    package let user: String
    /// The routing key on `replies` and `callbacks`, and the name of its queue.
    package let address: String
    private let connection: AMQPConnection
    private let recorder: Recorder
    private let waiting = Mutex<[String: AsyncStream<Signal>.Continuation]>([:])

    /// How long a message waits for its answer before it is sent again.
    private static let silence = Duration.seconds(8)

    package init(_ uri: String, name: String, _ recorder: Recorder) async throws {
        var configuration = try AMQPConfiguration(uri: uri)
        configuration.reconnectCap = .seconds(2)
        user = configuration.user
        address = "client.\(user).\(name)"
        configuration.connectionName = address
        connection = try await AMQPConnection.connect(configuration)
        self.recorder = recorder
    }

    /// Receives until the task is cancelled.
    package func run() async {
        let declarations = [Self.queue(address)] + ["replies", "callbacks"].map { Self.binding(address, $0, address) }
        await connection.read(address, declaring: declarations) { message in
            if message.exchange == "callbacks" {
                self.recorder.note(callback: message)
            } else if let command = message.correlationID {
                self.recorder.note(answer: message, to: command)
                self.waiting.withLock { $0[command] }?.yield(.answer(type: message.type, body: message.body))
            }
        }
    }

    /// Waits until its queue is there, so that no answer finds none.
    package func awaitQueue() async throws { try await connection.awaitQueue(address) }

    /// Sends a command, again while it has no answer that stays.
    package func command(
        _ type: String, to key: String, _ body: JSON, patience: Duration = .seconds(300)
    ) async -> Outcome {
        let id = IDSource.random.next()
        recorder.note(.init(id: id, type: type, to: key, user: user, body: body, time: .now()))
        return await send(type, to: key, body, id: id, patience: patience)
    }

    /// Asks a query; its answers are nobody's promise, and are not recorded as outcomes.
    package func query(_ type: String, of key: String, _ body: JSON) async -> Outcome {
        await send(type, to: key, body, id: "query-" + IDSource.random.next(), patience: .seconds(120))
    }

    private func send(
        _ type: String, to key: String, _ body: JSON, id: String, patience: Duration
    ) async -> Outcome {
        let (signals, signal) = AsyncStream.makeStream(of: Signal.self)
        waiting.withLock { $0[id] = signal }
        defer { waiting.withLock { _ = $0.removeValue(forKey: id) } }
        let end = ContinuousClock.now + patience
        var attempt = 0
        func publish() async {
            attempt += 1
            let number = attempt
            let outcome = await connection.publish([message(type, to: key, body, id: id)])
            let pause = outcome.first?.isConfirmed == true ? Self.silence : .milliseconds(500)
            Task {
                try? await Task.sleep(for: pause)
                signal.yield(.silence(attempt: number))
            }
        }
        await publish()
        for await what in signals {
            switch what {
            case .silence(let number):
                guard number == attempt else { continue }
            case .answer(let type, let body):
                guard type == Problem.messageType else { return .done(body) }
                let problem = Problem(body)
                guard problem.kind.isPassing else { return .refused(problem) }
                try? await Task.sleep(for: .milliseconds(300))
            }
            guard ContinuousClock.now < end, !Task.isCancelled else { return .none }
            await publish()
        }
        return .none
    }

    private func message(_ type: String, to key: String, _ body: JSON, id: String) -> AMQPMessage {
        var properties = AMQPProperties()
        properties.contentType = "application/json"
        properties.type = type
        properties.messageID = id
        properties.correlationID = id
        properties.replyTo = address
        properties.userID = user
        properties.isPersistent = true
        properties.headers["deadline"] = .string((Timestamp.now() + .seconds(30)).description)
        return AMQPMessage(
            exchange: "commands", routingKey: key, properties: properties, body: body.bytes, isMandatory: true)
    }

    /// Removes its queue and takes leave.
    package func close() async {
        _ = try? await connection.deleteQueue(address)
        await connection.close()
    }

    // MARK: Queues that stay

    /// A quorum queue: what it has taken survives the death of the node, and of the connection.
    static func queue(_ name: String) -> AMQPDeclaration {
        .queue(AMQPQueue(name: name, arguments: ["x-queue-type": "quorum"]))
    }

    static func binding(_ queue: String, _ exchange: String, _ key: String) -> AMQPDeclaration {
        .binding(AMQPBinding(queue: queue, exchange: exchange, routingKey: key))
    }
}

extension AMQPConnection {
    /// Reads a queue until the task is cancelled, whatever happens to it meanwhile.
    func read(
        _ queue: String, declaring: [AMQPDeclaration] = [], arguments: [String: AMQPValue] = [:],
        _ body: (ReceivedMessage) -> Void
    ) async {
        while !Task.isCancelled {
            do {
                let consumer = try await consume(
                    queues: [queue], prefetch: 500, declaring: declaring, arguments: arguments)
                while !Task.isCancelled {
                    let batch = try await consumer.next(until: .now + .seconds(1))
                    for message in batch.messages.map(ReceivedMessage.init) { body(message) }
                    batch.acknowledge()
                }
                await consumer.cancel()
            } catch {
                try? await Task.sleep(for: .milliseconds(500))
            }
        }
    }

    /// Waits until a queue is there.
    func awaitQueue(_ name: String) async throws {
        for _ in 0..<300 {
            if (try? await declareQueue(name, passive: true)) != nil { return }
            try await Task.sleep(for: .milliseconds(100))
        }
        throw SoakError("the queue \(name) is not there after 30 s")
    }
}
