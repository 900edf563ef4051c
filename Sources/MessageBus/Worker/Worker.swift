public import AMQP
public import Store
public import Wire

/// A participant as a process: its connections, its loop, its heartbeats, its end.
public struct Worker: Sendable {
    public let name: ParticipantName
    public let site: SiteName?
    /// Tells replicas apart; ids in routing keys contain no dot.
    public let instance: String
    /// How to reach RabbitMQ, as this participant's own user.
    public let broker: AMQPConfiguration
    public let settings: LoopSettings

    public init(
        name: ParticipantName, site: SiteName?, instance: String, broker: AMQPConfiguration, settings: LoopSettings
    ) {
        self.name = name
        self.site = site
        self.instance = instance
        self.broker = broker
        self.settings = settings
    }

    /// How a worker ended that was told to.
    public enum Ending: Sendable {
        /// All that it did was laid down, and what was to be published is published.
        case laidDown
        /// The time for that was over, or it was told twice. Nothing is lost, as with a worker that is killed; its loop may
        /// still be busy, so the process has to end now.
        case abandoned
    }

    /// Serves until the stream `ends` gives anything, then drains, within `LoopSettings.drainTime`. A second value has it end
    /// at once.
    /// - Parameters:
    ///   - ready: called when every queue is taken up and the first heartbeat can be given.
    ///   - ends: gives a value when the worker is to stop, such as the signals of the process.
    @discardableResult
    public func run<Subject: Participant>(
        _ participant: sending Subject, performer: any Performer, store: any Store,
        ready: @escaping @Sendable () -> Void,
        ends: AsyncStream<Int32>
    ) async throws -> Ending {
        let transport = try await AMQPTransport(broker)
        let address = name.address(at: site)
        let loop: ParticipantLoop<Subject>
        do {
            loop = try await ParticipantLoop(
                participant, address: address, instance: instance, queues: queues, store: store, transport: transport,
                performer: performer, settings: settings)
        } catch {
            await transport.close()
            throw error
        }
        if let metrics = settings.metrics { transport.enter(into: metrics) }
        settings.health?.set("start", nil)
        let side = Task {
            await withDiscardingTaskGroup { group in
                group.addTask {
                    await Heartbeats.give(
                        for: loop, name: name, site: site, instance: instance, version: settings.version,
                        over: transport)
                }
                group.addTask { await watch(transport) }
                group.addTask { await watchPublisher(transport) }
            }
        }
        ready()
        let result = await serve(loop, until: ends) {
            side.cancel()
            await transport.close()
            await store.close()
        }
        guard let result else { return .abandoned }
        try result.get()
        return .laidDown
    }

    /// What came of the loop, once all is closed behind it; nil where it is not waited for any longer.
    private func serve<Subject: Participant>(
        _ loop: ParticipantLoop<Subject>, until ends: AsyncStream<Int32>, closing: @escaping @Sendable () async -> Void
    ) async -> Result<Void, any Error>? {
        let (outcomes, outcome) = AsyncStream.makeStream(of: Result<Void, any Error>?.self)
        Task {
            let result: Result<Void, any Error>
            do { result = .success(try await loop.run()) } catch { result = .failure(error) }
            await closing()
            outcome.yield(result)
        }
        @Sendable func leave(after time: Duration) {
            Task {
                try? await Task.sleep(for: time)
                outcome.yield(nil)
            }
        }
        let listening = Task {
            var isTold = false
            for await _ in ends {
                guard !isTold else {
                    settings.log(.warning, "stops at once: it was told twice")
                    return leave(after: Self.haste)
                }
                isTold = true
                settings.log(.info, "stops: no new messages, activities are laid down")
                settings.health?.set("stop", "it stops")
                loop.drain()
                leave(after: settings.drainTime)
            }
        }
        defer { listening.cancel() }
        for await result in outcomes { return result }
        return nil
    }

    /// What may still come to its end after a second signal.
    private static let haste = Duration.milliseconds(300)

    /// The queues that the participant serves (contract.md, Queues).
    public var queues: [String] {
        let work = name.address(at: site)
        return switch name {
        case .globalExecution: [work, "\(work).heartbeats"]
        case .executionBroker: [work, "\(work).offers"]
        default: [work]
        }
    }

    private func watch(_ transport: AMQPTransport) async {
        for await event in transport.events {
            noteHealth(event, of: "consuming")
            switch event {
            case .connected(let endpoint): settings.log(.debug, "connected to \(endpoint)")
            case .lost(let error): settings.log(.warning, "lost RabbitMQ: \(error)")
            case .reconnecting(let attempt, _) where attempt == 1 || attempt % 10 == 0:
                settings.log(.info, "tries to reach RabbitMQ again (\(attempt))")
            case .consumerCancelled(let queue): settings.log(.warning, "RabbitMQ ended the consumer of \(queue)")
            case .consumerRecovered(let queues): settings.log(.info, "serves \(queues.joined(separator: ", ")) again")
            default: break
            }
        }
    }

    /// Serving again is known only when every queue is consumed again: a connection alone hears nothing.
    private func noteHealth(_ event: AMQPConnectionEvent, of connection: String) {
        guard let health = settings.health else { return }
        switch event {
        case .lost(let error): health.set(connection, "the connection for \(connection) is lost: \(error)")
        case .connected: health.set(connection, nil)
        case .blocked(let reason): health.set("blocked", "RabbitMQ takes no messages: \(reason)")
        case .unblocked: health.set("blocked", nil)
        case .consumerCancelled(let queue): health.set("queues", "RabbitMQ ended the consumer of \(queue)")
        case .consumerLost(let queues, _):
            health.set("queues", "\(queues.joined(separator: ", ")) cannot be consumed")
        case .consumerRecovered: health.set("queues", nil)
        default: break
        }
    }

    private func watchPublisher(_ transport: AMQPTransport) async {
        for await event in transport.publisherEvents {
            noteHealth(event, of: "publishing")
            switch event {
            case .blocked(let reason):
                settings.log(.warning, "RabbitMQ takes no messages now (\(reason)): they wait here until it does")
            case .unblocked: settings.log(.info, "RabbitMQ takes messages again")
            case .publisherReplaced:
                settings.log(.warning, "RabbitMQ confirmed nothing on a channel, which was replaced")
            // Most losses are of both connections, and the other one is reported.
            case .lost(let error): settings.log(.debug, "lost RabbitMQ while publishing: \(error)")
            default: break
            }
        }
    }
}
