/// What callers leave for the thread of the connection. All of it lies behind one lock; the thread takes it whole.
struct Mailbox: Sendable {
    /// Whether messages may be published now.
    enum Gate {
        /// No connection, or its publishing channel is not open yet: publishers wait.
        case shut
        case open
        /// For ever.
        case closed(AMQPError)
    }

    /// A publish that is not, or not wholly, framed yet.
    struct Waiting {
        let batch: PublishBatch
        var next: Int
    }

    /// Messages framed in `out`, in the order of their frames.
    struct Admitted {
        let batch: PublishBatch
        let range: Range<Int>
    }

    let window: Int
    let maxUnsent: Int
    let maxBody: Int

    /// Whole frames for the socket.
    var out = ByteWriter()
    var admitted: [Admitted] = []
    var commands: [Command] = []

    private(set) var gate = Gate.shut
    /// The broker's reason while it takes no messages.
    private(set) var blockedReason: String?
    /// No new publishes; those that wait go on.
    private(set) var isClosing = false
    /// Counts connections; frames made for an older one are dropped. Nil while there is none.
    private(set) var epoch: UInt64?
    private var maxFrame = 0
    private var publishChannel: UInt16 = 0
    private var waiting: [Waiting] = []
    private var waitingHead = 0
    /// Framed and without an answer.
    private(set) var inFlight = 0
    /// Taken by the thread and not yet by the socket.
    private var unsent = 0

    /// The thread is in `poll` until `wakeAt`, or is about to be.
    private var isAsleep = false
    private var wakeAt: ContinuousClock.Instant?
    /// The earliest time that a caller has asked for since the thread last looked at the clock.
    private var requestedWake: ContinuousClock.Instant?

    init(_ configuration: AMQPConfiguration) {
        window = max(1, configuration.publishWindow)
        maxUnsent = max(1, configuration.maxUnsentBytes)
        maxBody = configuration.maxBodyBytes
    }

    /// Whether a publish would go out at once.
    var isReady: Bool {
        if case .open = gate { blockedReason == nil && !isClosing } else { false }
    }

    var hasWaiting: Bool { waitingHead < waiting.count }

    var hasWork: Bool { !commands.isEmpty || !admitted.isEmpty || out.count > 0 }

    /// When the longest waiting publish must be answered.
    var waitingDeadline: ContinuousClock.Instant? { hasWaiting ? waiting[waitingHead].batch.deadline : nil }
}

// MARK: Publishing

extension Mailbox {
    /// Takes a publish; what cannot be sent at all is reported in `settled`.
    mutating func submit(_ batch: PublishBatch, into settled: inout [Confirms.Settled]) {
        if let error = refusal {
            settled.append(.init(owner: batch, range: batch.messages.indices, outcome: .unsent(error)))
            return
        }
        waiting.append(Waiting(batch: batch, next: 0))
        pump(into: &settled)
    }

    private var refusal: AMQPError? {
        if case .closed(let error) = gate { return error }
        return isClosing ? AMQPError(.closed, "the connection is being closed; publish before closing it") : nil
    }

    /// Frames waiting messages as far as window and buffer allow.
    mutating func pump(into settled: inout [Confirms.Settled]) {
        guard case .open = gate, blockedReason == nil else { return }
        while hasWaiting, inFlight < window, out.count + unsent < maxUnsent {
            let batch = waiting[waitingHead].batch
            let first = waiting[waitingHead].next
            var next = first
            var refused: AMQPError?
            while next < batch.messages.count, inFlight < window, out.count + unsent < maxUnsent {
                do {
                    try frame(batch.messages[next])
                } catch {
                    refused = error
                    break
                }
                inFlight += 1
                next += 1
            }
            if next > first { admitted.append(Admitted(batch: batch, range: first..<next)) }
            if let refused {
                settled.append(.init(owner: batch, range: next..<next + 1, outcome: .unsent(refused)))
                next += 1
            }
            waiting[waitingHead].next = next
            if next == batch.messages.count { dropFirstWaiting() }
        }
    }

    private mutating func frame(_ message: AMQPMessage) throws(AMQPError) {
        guard message.body.count <= maxBody else {
            throw AMQPError(
                .tooLarge,
                "a body of \(message.body.count) bytes is over the limit of \(maxBody); send a reference to it")
        }
        if let text = message.properties.expiration, UInt32(text) == nil {
            throw AMQPError(.invalidArgument, "the expiration \(text) is not a number of milliseconds")
        }
        try out.publish(message, channel: publishChannel, maxFrame: maxFrame)
    }

    private mutating func dropFirstWaiting() {
        waitingHead += 1
        if waitingHead == waiting.count {
            waiting.removeAll(keepingCapacity: true)
            waitingHead = 0
        } else if waitingHead > 256, waitingHead * 2 > waiting.count {
            waiting.removeFirst(waitingHead)
            waitingHead = 0
        }
    }

    /// Answers the publishes that have waited too long for their turn.
    mutating func expireWaiting(now: ContinuousClock.Instant, into settled: inout [Confirms.Settled]) {
        while let deadline = waitingDeadline, deadline <= now {
            let first = waiting[waitingHead]
            let range = first.next..<first.batch.messages.count
            settled.append(.init(owner: first.batch, range: range, outcome: .unsent(waitingError)))
            dropFirstWaiting()
        }
    }

    private var waitingError: AMQPError {
        if let blockedReason {
            return AMQPError(
                .blocked, "the broker takes no messages (\(blockedReason)); free its memory or disk and publish again")
        }
        if case .open = gate {
            return AMQPError(.timeout, "the broker confirms too slowly: no room in the publish window in time")
        }
        return AMQPError(.timeout, "there was no connection to the broker in time; publish again when it is back")
    }

    /// Answers arrived for this many.
    mutating func release(_ count: Int) { inFlight -= count }

    /// How much of what the thread has taken is still unsent.
    mutating func noteUnsent(_ bytes: Int) { unsent = bytes }
}

// MARK: States of the connection

extension Mailbox {
    /// A new connection; the publishing channel is still to be opened.
    mutating func connectionIsUp(epoch: UInt64, maxFrame: Int) {
        self.epoch = epoch
        self.maxFrame = maxFrame
        blockedReason = nil
    }

    mutating func openGate(channel: UInt16) {
        publishChannel = channel
        gate = .open
    }

    /// The publishing channel is gone: what is framed for it is given back, and further publishes wait.
    mutating func shutGate() -> [Admitted] {
        if case .open = gate { gate = .shut }
        inFlight = 0
        defer { admitted.removeAll(keepingCapacity: true) }
        return admitted
    }

    mutating func connectionIsLost() -> [Admitted] {
        epoch = nil
        blockedReason = nil
        unsent = 0
        out.clear()
        return shutGate()
    }

    mutating func block(reason: String?) { blockedReason = reason }

    mutating func beginClosing() { isClosing = true }

    /// The end: everything that waits is answered with `error`.
    mutating func close(_ error: AMQPError, into settled: inout [Confirms.Settled]) {
        gate = .closed(error)
        while hasWaiting {
            let first = waiting[waitingHead]
            let range = first.next..<first.batch.messages.count
            settled.append(.init(owner: first.batch, range: range, outcome: .unsent(error)))
            dropFirstWaiting()
        }
    }

    /// Whether commands still reach anybody.
    var closedError: AMQPError? {
        if case .closed(let error) = gate { error } else { nil }
    }
}

// MARK: Sleep

extension Mailbox {
    enum Sleep {
        case none
        case until(ContinuousClock.Instant?)
    }

    /// The thread is about to sleep, until `instant` by its own lights. How long it may.
    mutating func fallAsleep(until instant: ContinuousClock.Instant?, canSend: Bool) -> Sleep {
        // Where publishers wait for room in the buffer, the thread must first say that it has emptied it.
        let isStale = canSend && hasWaiting && unsent > 0
        guard commands.isEmpty, !isStale, !canSend || (admitted.isEmpty && out.count == 0) else { return .none }
        isAsleep = true
        wakeAt = [instant, requestedWake].compactMap { $0 }.min()
        return .until(wakeAt)
    }

    /// The thread is awake. Whether a caller has asked it to look at the clock.
    mutating func wakeUp() -> Bool {
        isAsleep = false
        defer { requestedWake = nil }
        return requestedWake != nil
    }

    /// Whether the caller must ring: there is something to do now.
    mutating func claimWake() -> Bool {
        defer { isAsleep = false }
        return isAsleep
    }

    /// Whether the caller must ring: there is something to do at `instant`, and the thread would sleep longer.
    mutating func claimWake(by instant: ContinuousClock.Instant) -> Bool {
        requestedWake = min(requestedWake ?? instant, instant)
        guard isAsleep else { return false }
        if let wakeAt, wakeAt <= instant { return false }
        isAsleep = false
        return true
    }
}
