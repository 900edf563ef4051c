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
    private let queues: [String]
    private let subscription: CurrentSubscription
    private let board: ActivityBoard
    private let context: BatchContext
    private let settings: LoopSettings
    /// How the loop begins, where a suspect may be among what comes.
    private let caution: Caution?
    private let figures: LoopFigures?
    private let isDraining = Atomic(false)
    /// Another replica has written, or this one leads from now on.
    private let news = News()
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
        self.queues = queues
        context = BatchContext(
            address: address, intake: Intake(address: address, accepts: accepts, services: settings.services),
            ids: settings.ids, about: settings.about(address, instance), retries: settings.retries,
            since: settings.clock(), patience: settings.headPatience, memory: settings.inboxAge,
            killLimit: settings.killLimit, faults: settings.faults, isTracing: settings.spans != nil)
        figures = settings.metrics.map { LoopFigures($0, types: Set(accepts.keys)) }
        let hasSuspects = try await store.transact {
            try !$0.states(ofKind: SuspectMark.kind, group: nil, after: nil, limit: 1).isEmpty
        }
        let prefetch = hasSuspects ? 1 : settings.prefetch
        let subscription = CurrentSubscription(try await transport.subscribe(to: queues, prefetch: prefetch))
        self.subscription = subscription
        caution = hasSuspects ? Caution(calmAfter: Int(settings.prefetch)) : nil
        board = ActivityBoard(performer: performer, faults: settings.faults) { subscription.interrupt() }
        let news = news
        store.onNews {
            news.come()
            subscription.interrupt()
        }
    }

    /// What the participant wants to add to its heartbeats.
    public var vitalSigns: JSON? { store.leads ? vitals.withLock { $0 } : nil }

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
        var caution = caution
        if caution != nil {
            settings.log(.warning, "takes one message at a time: one of those to come may end this worker")
        }
        var nextTimer = try await takeUp(&outbox)
        outbox = await publish(outbox)
        var nextPrune = settings.clock() + Self.pruneInterval
        while !isDraining.load(ordering: .acquiring) {
            let batch = try await subscription.current.next(until: deadline(nextTimer, outbox, caution, nextPrune))
            if news.take() { nextTimer = try await takeUp(&outbox) }
            let turns = Turn.split(batch.messages, suspectsAfter: settings.suspectAfter)
            figures?.setInFlight(batch.messages.count)
            settings.health?.turnBegins()
            defer { settings.health?.turnEnds() }
            var commands: [Decision.ActivityCommand] = []
            var types: Set<String> = []
            for turn in turns {
                guard let result = try await take(turn, nextTimer, &outbox) else { continue }
                nextTimer = result.nextTimer
                commands += result.activities
                types.formUnion(result.types)
            }
            batch.acknowledge()
            figures?.setInFlight(0)
            settings.faults.reach(.afterAcknowledge, types)
            for command in commands { board.carryOut(command) }
            if caution?.note(turns) == true {
                caution = nil
                try await takeUpAgain()
            }
            let now = settings.clock()
            figures?.setWaiting(outbox: outbox.pending, nextTimer: nextTimer, now: now)
            if now >= nextPrune { nextPrune = try await pruneInbox(now) }
        }
        try await finish(outbox)
    }

    /// One transaction and what follows from it, up to the confirms of what is published; nil where there was nothing to do.
    private func take(_ turn: Turn, _ nextTimer: Timestamp?, _ outbox: inout Outbox) async throws -> BatchResult? {
        var input = BatchInput(deliveries: turn.deliveries, reports: board.takeReports(), now: settings.clock())
        (input.leads, input.newest) = (store.leads, outbox.newest)
        (input.settled, input.returned) = outbox.takeSettled()
        if input.isEmpty, nextTimer.map({ $0 > input.now }) ?? true {
            outbox = await publish(outbox)
            return nil
        }
        settings.faults.reach(.afterReceive, Set(input.deliveries.compactMap(\.properties.type)))
        var judged = BatchResult()
        if turn.isSuspect { (input, judged) = try await judge(input) }
        var result = try await transact(input)
        settings.faults.reach(.afterCommit, result.types)
        result.types.formUnion(judged.types)
        if input.leads {
            outbox.add(judged.outgoing + result.outgoing)
            outbox = await publish(outbox)
        } else {
            // Who leads publishes, and performs.
            result.activities = []
        }
        settings.faults.reach(.afterPublish, result.types)
        return result
    }

    // MARK: Steps

    /// Takes up what is in the store and not known here: at the start, when this replica leads from now on, and when another
    /// one has written.
    private func takeUp(_ outbox: inout Outbox) async throws -> Timestamp? {
        let (now, host, newest, leads) = (settings.clock(), host, outbox.newest, store.leads)
        let (pending, activities, nextTimer) = try await store.transact { transaction in
            try host.participant.withLock { try $0.restore(from: transaction, at: now) }
            transaction.catchUp()
            let pending = leads ? try transaction.pending(after: newest) : []
            let activities = try transaction.states(ofKind: StoredActivity.kind, group: nil, after: nil, limit: .max)
                .map { try decodeState(StoredActivity.self, $0) }
            return (pending, activities, try transaction.nextTimer())
        }
        vitals.withLock { $0 = host.participant.withLock { $0.vitalSigns } }
        guard leads else { return nil }
        outbox.add(pending)
        for stored in activities.sorted(by: { $0.order < $1.order }) {
            board.carryOut(.start(stored.activity))
            // After the start: what is not on the board cannot be cancelled.
            if stored.isCancelled { board.carryOut(.cancel(id: stored.activity.id)) }
        }
        return nextTimer
    }

    /// Marks a suspect before it is handled alone, or parks it where it has a mark too many.
    private func judge(_ input: BatchInput) async throws -> (BatchInput, BatchResult) {
        guard let suspect = input.deliveries.first else { return (input, BatchResult()) }
        let context = context
        let (isHandled, result) = try await patiently.transact { transaction, _ in
            var batch = Batch<Subject>(context, transaction, now: input.now)
            return (try batch.judge(suspect), batch.result)
        }
        tell(result, at: input.now)
        var input = input
        if isHandled {
            input.suspect = SuspectMark.key(of: suspect, Origin(suspect, at: address))
        } else {
            input.deliveries = []
        }
        return (input, result)
    }

    private func transact(_ input: BatchInput) async throws -> BatchResult {
        let (host, context, faults) = (host, context, settings.faults)
        let result: BatchResult
        do {
            result = try await patiently.transact { transaction, isAgain in
                var batch = Batch<Subject>(context, transaction, now: input.now)
                try host.participant.withLock { participant in
                    try batch.run(input, isAgain: isAgain, &participant)
                }
                faults.reach(.beforeCommit, batch.result.types)
                batch.result.decided = .now
                return batch.result
            }
        } catch {
            settings.log(.error, "a batch of \(input.deliveries.count) messages could not be written: \(error)")
            // The store's fault, and not that of the message that is handled alone.
            if error is StoreError, let suspect = input.suspect { try? await acquit(suspect) }
            throw error
        }
        figures?.addCommit(.now - result.decided)
        vitals.withLock { $0 = host.participant.withLock { $0.vitalSigns } }
        tell(result, at: input.now)
        return result
    }

    /// Passes on what an operator may want to know of a transaction.
    private func tell(_ result: BatchResult, at now: Timestamp) {
        for note in result.notes { settings.log(note.level, note.text, about: note.about) }
        figures?.add(result, now: now)
        if let spans = settings.spans, !result.spans.isEmpty { spans(result.spans) }
    }

    private func acquit(_ suspect: StateKey) async throws {
        let (context, now) = (context, settings.clock())
        try await store.transact { try Batch<Subject>(context, $0, now: now).acquit(suspect) }
    }

    private var patiently: PatientStore {
        PatientStore(store: store, log: settings.log, health: settings.health) {
            self.isDraining.load(ordering: .acquiring)
        }
    }

    /// Takes up the queues with many messages at a time again.
    private func takeUpAgain() async throws {
        settings.log(.info, "takes many messages at a time again")
        await subscription.current.cancel()
        subscription.replace(by: try await transport.subscribe(to: queues, prefetch: settings.prefetch))
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

    private func deadline(
        _ nextTimer: Timestamp?, _ outbox: Outbox, _ caution: Caution?, _ nextPrune: Timestamp
    ) -> ContinuousClock.Instant? {
        let now = settings.clock()
        var due = [nextTimer, outbox.nextTry, nextPrune].compactMap { $0 }
        // Rows that the broker has are removed by the next transaction, or by one of their own when nothing comes.
        if !outbox.settled.isEmpty { due.append(now + .seconds(1)) }
        if !outbox.returned.isEmpty { due.append(now) }
        if caution != nil { due.append(now + Caution.silence) }
        return due.min().map { .now + max(.zero, $0 - now) }
    }

    /// How often the inbox is looked through for what is too old.
    private static var pruneInterval: Duration { .seconds(60) }
    /// So much is forgotten in one transaction, which messages wait for.
    private static var pruneLimit: Int { 2_000 }

    /// Forgets messages that are too old, and says when to go on: after the next turn where there is more to forget, so that
    /// the inbox does not grow however many messages come.
    private func pruneInbox(_ now: Timestamp) async throws -> Timestamp {
        let before = now - settings.inboxAge
        let count = try await patiently.transact { transaction, _ in
            try transaction.pruneInbox(before: before, limit: Self.pruneLimit)
        }
        return count == Self.pruneLimit ? now : now + Self.pruneInterval
    }

    /// Lays down what is being done: messages that nobody has looked at go back to their queues, activities stop and are
    /// performed again at the next start, and what waits to be published goes out, as far as RabbitMQ takes it in half of
    /// the time that there is. Whatever of it does not come to pass is in the store.
    private func finish(_ outbox: Outbox) async throws {
        let end = ContinuousClock.now + settings.drainTime / 2
        var outbox = outbox
        await subscription.current.cancel()
        await board.drain()
        // Activities that have come to their end until now are told of, with what follows.
        _ = try await take(Turn(), nil, &outbox)
        while outbox.isHeldBack, ContinuousClock.now < end {
            try? await Task.sleep(for: .milliseconds(100))
            outbox = await publish(outbox)
        }
        let (settled, _) = outbox.takeSettled()
        try await store.transact { try $0.removeOutgoing(settled) }
    }
}

/// The participant, which only the transaction of the loop touches.
final class Host<Subject: Participant>: Sendable {
    let participant: Mutex<Subject>

    init(_ participant: sending Subject) { self.participant = Mutex(participant) }
}
