import Synchronization

/// The part of a connection that callers and its thread share: the mailbox, the bell, the counters.
final class ConnectionCore: Sendable {
    let configuration: AMQPConfiguration
    let mailbox: Mutex<Mailbox>
    let bell: Bell
    let events = EventHub()
    private let counters = Mutex(AMQPStatistics())

    private init(_ configuration: AMQPConfiguration) throws(AMQPError) {
        self.configuration = configuration
        mailbox = Mutex(Mailbox(configuration))
        bell = try Bell()
    }

    /// Starts the thread and returns when the first connection can publish.
    static func start(_ configuration: AMQPConfiguration) async throws(AMQPError) -> ConnectionCore {
        let core = try ConnectionCore(configuration)
        let result: Result<Void, AMQPError> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let waiter = Waiter<Void>(continuation)
                do throws(AMQPError) {
                    // Tools that show threads show whose it is.
                    let name = configuration.connectionName.isEmpty ? "amqp" : "amqp \(configuration.connectionName)"
                    try DetachedThread.start(name: name) { Reactor(core, started: waiter).run() }
                } catch {
                    waiter.resume(.failure(error))
                }
            }
        } onCancel: {
            core.abandon()
        }
        try result.get()
        return core
    }

    var statistics: AMQPStatistics { counters.withLock { $0 } }

    func count(_ change: (inout AMQPStatistics) -> Void) { counters.withLock { change(&$0) } }

    var isReady: Bool { mailbox.withLock { $0.isReady } }

    /// Wakes the thread.
    func ring() { bell.ring() }

    /// Makes sure that the thread looks around at `instant`.
    func wake(by instant: ContinuousClock.Instant) {
        if mailbox.withLock({ $0.claimWake(by: instant) }) { bell.ring() }
    }

    /// Leaves a command; one that comes too late is answered here.
    func post(_ command: Command) {
        let (error, mustRing) = mailbox.withLock { box -> (AMQPError?, Bool) in
            if let error = box.closedError { return (error, false) }
            box.commands.append(command)
            return (nil, box.claimWake())
        }
        if mustRing { bell.ring() }
        if let error { command.refuse(error) }
    }

    func publish(_ messages: [AMQPMessage]) async -> [PublishOutcome] {
        if messages.isEmpty { return [] }
        return await withCheckedContinuation { continuation in
            let deadline = ContinuousClock.now + configuration.confirmTimeout
            let batch = PublishBatch(messages, deadline: deadline, waiter: continuation)
            var settled: [Confirms.Settled] = []
            let mustRing = mailbox.withLock { box in
                box.submit(batch, into: &settled)
                let isLate = box.claimWake(by: deadline)
                return box.hasWork ? box.claimWake() || isLate : isLate
            }
            if mustRing { bell.ring() }
            for entry in settled { entry.owner.settle(entry.range, entry.outcome) }
        }
    }

    func request(_ request: AMQPRequest) async throws(AMQPError) -> AMQPReply {
        // A name too long is refused here, where nothing else is harmed.
        var trial = ByteWriter()
        try trial.request(request, channel: 0)
        let deadline = ContinuousClock.now + configuration.requestTimeout
        return try await Waiter<AMQPReply>.wait {
            post(.request(PendingRequest(request: request, deadline: deadline, waiter: $0)))
        }
    }

    func consume(_ plan: ConsumePlan) async throws(AMQPError) -> ConsumerCore {
        guard plan.prefetch > 0 else {
            throw AMQPError(.invalidArgument, "a prefetch of 0 means no limit; give the number of messages to hold")
        }
        guard !plan.queues.isEmpty else { throw AMQPError(.invalidArgument, "no queue to consume is named") }
        var trial = ByteWriter()
        _ = try trial.setUp(plan, resumingAt: [:], channel: 0)
        let consumer = ConsumerCore(plan, connection: self)
        try await Waiter<Void>.wait { post(.consume(consumer, $0)) }
        return consumer
    }

    func close(within: Duration) async {
        let deadline = ContinuousClock.now + within
        _ = try? await Waiter<Void>.wait { post(.close(deadline: deadline, $0)) }
    }

    /// Ends it without waiting for anything.
    func abandon() { post(.abandon) }
}

extension Command {
    /// Answers whoever waits for a command that nobody will carry out.
    func refuse(_ error: AMQPError) {
        switch self {
        case .request(let pending): pending.waiter.resume(.failure(error))
        case .consume(_, let waiter): waiter.resume(.failure(error))
        case .cancel(_, let waiter): waiter?.resume(.success(()))
        case .close(_, let waiter): waiter.resume(.success(()))
        case .connected, .release, .abandon: break
        }
    }
}

extension ByteWriter {
    /// Everything that takes up a consumer on a fresh channel, and the answers that say that it stands.
    mutating func setUp(
        _ plan: ConsumePlan, resumingAt offsets: [String: Int64], channel: UInt16
    ) throws(AMQPError) -> [MethodID] {
        var answers: [MethodID] = [.channelOpenOK]
        try openChannel(channel)
        for declaration in plan.declarations {
            let request = AMQPRequest(declaration)
            try self.request(request, channel: channel)
            answers.append(request.answer)
        }
        try quality(prefetch: plan.prefetch, channel: channel)
        answers.append(.basicQosOK)
        for (index, queue) in plan.queues.enumerated() {
            var arguments = plan.arguments
            if let offset = offsets[queue] { arguments["x-stream-offset"] = .int(offset) }
            try consume(
                queue, tag: ConsumerTag.make(index, queue: queue), exclusive: plan.isExclusive, arguments: arguments,
                channel: channel)
            answers.append(.basicConsumeOK)
        }
        return answers
    }
}
