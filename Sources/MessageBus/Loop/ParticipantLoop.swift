internal import AMQP
public import Store
internal import Synchronization
public import Wire

/// The one loop that serves every participant (design.md):
///
/// messages, timers and reports of activities arrive; one transaction decides on all of them and writes what follows;
/// then the outgoing messages are published and confirmed, the deliveries acknowledged, and activities started.
/// A crash at any point loses nothing and does nothing twice.
public final class ParticipantLoop<Subject: Participant>: Sendable {
    private let host: Host<Subject>
    private let address: String
    private let instance: String
    private let store: any Store
    private let transport: any Transport
    private let subscription: any Subscription
    private let board: ActivityBoard
    private let intake: Intake
    private let settings: LoopSettings
    private let isDraining = Atomic(false)
    private let vitals = Mutex<JSON?>(nil)

    /// Takes up the participant's queues; handling begins with `run()`.
    /// - Parameter queues: its work queue and whatever else it hears.
    public init(
        _ participant: sending Subject, address: String, instance: String, queues: [String], store: any Store,
        transport: any Transport, performer: any Performer, settings: LoopSettings
    ) async throws {
        host = Host(participant)
        self.address = address
        self.instance = instance
        self.store = store
        self.transport = transport
        self.settings = settings
        var accepts = Subject.accepts
        accepts[Batch<Subject>.pingType] = .query
        accepts[Problem.messageType] = .answer
        intake = Intake(address: address, accepts: accepts, services: settings.services)
        let subscription = try await transport.subscribe(to: queues, prefetch: settings.prefetch)
        self.subscription = subscription
        board = ActivityBoard(performer: performer, faults: settings.faults) { subscription.interrupt() }
    }

    /// What the participant wants to add to its heartbeats.
    public var vitalSigns: JSON? { vitals.withLock { $0 } }

    /// How many activities are running.
    public var inFlight: Int { board.count }

    /// Ends `run()`: no new messages are taken, activities stop where they can be taken up again, the outbox is emptied.
    public func drain() {
        isDraining.store(true, ordering: .releasing)
        subscription.interrupt()
    }

    /// Handles messages until `drain()`. Throws where the store or the broker is lost for good.
    public func run() async throws {
        var outbox = Outbox()
        var nextTimer = try await restore(&outbox)
        outbox = await publish(outbox)
        var lastPrune = settings.clock()
        while !isDraining.load(ordering: .acquiring) {
            let batch = try await subscription.next(until: deadline(nextTimer, outbox))
            var input = BatchInput(deliveries: batch.messages, reports: board.takeReports(), now: settings.clock())
            (input.settled, input.returned) = outbox.takeSettled()
            if input.isEmpty, nextTimer.map({ $0 > input.now }) ?? true {
                batch.acknowledge()
                outbox = await publish(outbox)
                continue
            }
            settings.faults.reach(.afterReceive, Set(input.deliveries.compactMap(\.properties.type)))
            let result = try await transact(input)
            settings.faults.reach(.afterCommit, result.types)
            nextTimer = result.nextTimer
            outbox.add(result.outgoing)
            outbox = await publish(outbox)
            settings.faults.reach(.afterPublish, result.types)
            batch.acknowledge()
            settings.faults.reach(.afterAcknowledge, result.types)
            for command in result.activities { board.carryOut(command) }
            if input.now - lastPrune > .seconds(60) {
                lastPrune = input.now
                try await pruneInbox(input.now)
            }
        }
        try await finish(outbox)
    }

    // MARK: Steps

    private func restore(_ outbox: inout Outbox) async throws -> Timestamp? {
        let (now, host) = (settings.clock(), host)
        let (pending, activities, nextTimer) = try await store.transact { transaction in
            try host.participant.withLock { try $0.restore(from: transaction, at: now) }
            let pending = try transaction.outgoing(after: 0, limit: .max).map {
                Pending(number: $0.number, message: try decodeOutgoing(envelope: $0.envelope, body: $0.body))
            }
            let activities = try transaction.states(ofKind: StoredActivity.kind, group: nil, after: nil, limit: .max)
                .map { try decodeState(StoredActivity.self, $0) }
            return (pending, activities, try transaction.nextTimer())
        }
        vitals.withLock { $0 = host.participant.withLock { $0.vitalSigns } }
        outbox.add(pending)
        for stored in activities.sorted(by: { $0.order < $1.order }) {
            board.carryOut(.start(stored.activity))
            // After the start: what is not on the board cannot be cancelled.
            if stored.isCancelled { board.carryOut(.cancel(id: stored.activity.id)) }
        }
        return nextTimer
    }

    private func transact(_ input: BatchInput) async throws -> BatchResult {
        let (host, address, intake, settings) = (host, address, intake, settings)
        let about = about
        let result: BatchResult
        do {
            result = try await store.transact { transaction in
                var batch = Batch<Subject>(
                    address: address, intake: intake, ids: settings.ids, about: about, transaction: transaction,
                    now: input.now)
                try host.participant.withLock { try batch.run(input, &$0) }
                settings.faults.reach(.beforeCommit, batch.result.types)
                return batch.result
            }
        } catch {
            settings.log(.error, "a batch of \(input.deliveries.count) messages could not be written: \(error)")
            throw error
        }
        vitals.withLock { $0 = host.participant.withLock { $0.vitalSigns } }
        for note in result.notes { settings.log(note.level, note.text) }
        return result
    }

    private func publish(_ outbox: Outbox) async -> Outbox {
        var outbox = outbox
        let now = settings.clock()
        let due = outbox.due(at: now)
        guard !due.isEmpty else { return outbox }
        let sender = "\(address)/\(instance)"
        let outcomes = await transport.publish(due.map { $0.message.message(user: transport.user, sender: sender) })
        for note in outbox.learn(Array(zip(due, outcomes)), at: settings.clock()) {
            settings.log(note.level, note.text)
        }
        return outbox
    }

    private func deadline(_ nextTimer: Timestamp?, _ outbox: Outbox) -> ContinuousClock.Instant? {
        let now = settings.clock()
        var due = [nextTimer, outbox.nextTry].compactMap { $0 }
        // Rows that the broker has are removed by the next transaction, or by one of their own when nothing comes.
        if !outbox.settled.isEmpty { due.append(now + .seconds(1)) }
        if !outbox.returned.isEmpty { due.append(now) }
        return due.min().map { .now + max(.zero, $0 - now) }
    }

    private func pruneInbox(_ now: Timestamp) async throws {
        let before = now - settings.inboxAge
        _ = try await store.transact { try $0.pruneInbox(before: before, limit: 10_000) }
    }

    private func finish(_ outbox: Outbox) async throws {
        await subscription.cancel()
        await board.drain()
        var rest = await publish(outbox)
        let (settled, _) = rest.takeSettled()
        try await store.transact { try $0.removeOutgoing(settled) }
    }

    /// The answer to a ping.
    private var about: JSON {
        let parts = address.split(separator: ".", maxSplits: 1).map(String.init)
        return .object(compacting: [
            "name": parts.first.map(JSON.string), "site": parts.count > 1 ? .string(parts[1]) : nil,
            "instance": .string(instance), "version": .string(settings.version),
            "started": .string(settings.started.description), "backend": .string(settings.backend),
        ])
    }
}

/// The participant, which only the transaction of the loop touches.
final class Host<Subject: Participant>: Sendable {
    let participant: Mutex<Subject>

    init(_ participant: sending Subject) { self.participant = Mutex(participant) }
}

/// What a loop needs to know besides what it serves.
public struct LoopSettings: Sendable {
    /// Deliveries that may be unsettled at a time.
    public var prefetch: UInt16 = 200
    /// How long the answers to messages are remembered (contract.md, Idempotency).
    public var inboxAge: Duration = .seconds(86_400)
    /// Users whose `on_behalf_of` is believed.
    public var services: Set<String> = []
    /// What a ping and heartbeats say.
    public var version = ""
    public var backend = "embedded"
    public var started: Timestamp
    public var ids = IDSource.random
    public var clock: @Sendable () -> Timestamp = Timestamp.now
    public var log: Log
    public var faults = FaultPoints.none

    public init(log: Log, started: Timestamp = .now()) {
        self.log = log
        self.started = started
    }
}
