import Glibc
import Synchronization

/// The thread of a connection: it alone owns the socket, the channels and what is unconfirmed.
///
/// Each turn: sleep in `poll` until there is something to do, read all that is there, do what callers left in the
/// mailbox, look at the clock, and send with one call.
final class Reactor {
    enum Link {
        case down(until: ContinuousClock.Instant)
        case connecting(Dialler, deadline: ContinuousClock.Instant)
        case up(LiveLink)
    }

    /// A connection that stands.
    final class LiveLink {
        let connection: BrokerConnection
        let epoch: UInt64
        /// Whole frames taken from the mailbox, sent up to `sent`.
        var outgoing = ByteWriter()
        var sent = 0
        let since = ContinuousClock.now
        var lastRead: ContinuousClock.Instant
        var lastSent: ContinuousClock.Instant

        init(_ connection: BrokerConnection, epoch: UInt64) {
            self.connection = connection
            self.epoch = epoch
            lastRead = .now
            lastSent = .now
        }

        /// Taken from the mailbox and not yet by the socket, in bytes.
        var unsent: Int { outgoing.count - sent }

        /// Since when the socket has taken nothing of what there is for it; nil while there is nothing.
        private(set) var stuckSince: ContinuousClock.Instant?
        /// The broker has said that it reads nothing for now.
        var isBlocked = false

        /// Notes whether the socket has taken anything since the last time.
        func noteProgress(_ hasMoved: Bool) {
            if isDrained {
                stuckSince = nil
            } else if hasMoved || stuckSince == nil {
                stuckSince = .now
            }
        }

        /// Whether everything taken so far has left this process.
        var isDrained: Bool { unsent == 0 && !connection.socket.hasUnsent }
    }

    struct Closing {
        var deadline: ContinuousClock.Instant
        var waiters: [Waiter<Void>]
        var hasTakenLeave = false
    }

    let core: ConnectionCore
    var configuration: AMQPConfiguration { core.configuration }
    /// Who waits for the first connection.
    var started: Waiter<Void>?
    var link = Link.down(until: .now)
    var backoff: Backoff
    var attempt = 0
    var epoch: UInt64 = 0
    var channels = ChannelTable()
    var confirms = Confirms()
    var health = ConfirmHealth()
    var subscriptions: [Subscription] = []
    /// Questions that wait for a connection.
    var queued: [PendingRequest] = []
    var closing: Closing?
    var isFinished = false

    /// When to look at the clock at the latest, and whether something has happened by which that may be wrong.
    private var due: ContinuousClock.Instant? = .now
    var mustLook = true

    // Of this turn.
    var settled: [Confirms.Settled] = []
    var released = 0
    var touched: [Subscription] = []
    var tally = AMQPStatistics()

    init(_ core: ConnectionCore, started: Waiter<Void>) {
        self.core = core
        self.started = started
        backoff = Backoff(base: core.configuration.reconnectBase, cap: core.configuration.reconnectCap)
    }

    /// The endpoint for the live connection.
    var live: LiveLink? {
        if case .up(let live) = link { live } else { nil }
    }

    func run() {
        while !isFinished {
            sleep(until: due)
            takeCommands()
            let now = ContinuousClock.now
            if mustLook || closing != nil || due.map({ $0 <= now }) ?? false {
                mustLook = false
                due = tick(now: now)
            }
            // What was admitted after the look at the clock has a deadline too.
            if let admitted = exchange() { due = min(due ?? admitted, admitted) }
            send()
        }
    }
}

// MARK: Reading and writing

extension Reactor {
    private func sleep(until wakeAt: ContinuousClock.Instant?) {
        let live = live
        let canSend = live?.isDrained ?? false
        let timeout: Int32 =
            switch core.mailbox.withLock({ $0.fallAsleep(until: wakeAt, canSend: canSend) }) {
            case .none: 0
            case .until(let instant): instant?.pollTimeout(from: .now) ?? -1
            }
        var entries = (
            pollfd(fd: core.bell.descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(
                fd: live?.connection.socket.descriptor ?? -1, events: Int16(POLLIN | (canSend ? 0 : POLLOUT)),
                revents: 0)
        )
        // An interrupted call is like one that found nothing.
        _ = withUnsafeMutableBytes(of: &entries) {
            poll($0.baseAddress?.assumingMemoryBound(to: pollfd.self), 2, timeout)
        }
        if core.mailbox.withLock({ $0.wakeUp() }) { mustLook = true }
        if entries.0.revents != 0 { core.bell.silence() }
        if let live, entries.1.revents & ~Int16(POLLOUT) != 0 {
            live.lastRead = .now
            read(live)
        }
    }

    /// Handles what has arrived, up to the size of one read; the rest of a burst is the next turn's.
    private func read(_ live: LiveLink) {
        do throws(AMQPError) {
            let decoder = live.connection.decoder
            try live.connection.receive { frame throws(AMQPError) in
                try handle(frame, decoder)
                return self.live === live
            }
        } catch {
            lose(error)
        }
        handOver()
    }

    /// Gives deliveries and confirms of this turn to those who wait for them.
    func handOver() {
        for subscription in touched { tally.delivered += UInt64(subscription.collected.count) }
        for entry in settled { count(entry) }
        // Before they are told: who knows an outcome finds it counted.
        publishTally()
        for subscription in touched where !subscription.collected.isEmpty {
            let messages = subscription.collected
            subscription.collected = []
            subscription.consumer.deliver(messages)
        }
        touched.removeAll(keepingCapacity: true)
        for entry in settled { entry.owner.settle(entry.range, entry.outcome) }
        settled.removeAll(keepingCapacity: true)
    }

    /// Adds what was counted in this turn to the connection's statistics.
    func publishTally() {
        guard tally != AMQPStatistics() else { return }
        core.count { $0 += tally }
        tally = AMQPStatistics()
    }

    private func count(_ entry: Confirms.Settled) {
        let number = UInt64(entry.range.count)
        switch entry.outcome {
        case .confirmed: tally.confirmed += number
        case .returned: tally.returned += number
        case .nacked: tally.nacked += number
        case .unknown: tally.unconfirmed += number
        case .unsent: break
        }
    }

    /// Adds frames behind all that callers have framed so far.
    func write(_ body: (inout ByteWriter) throws(AMQPError) -> Void) {
        // Everything with a text of a caller's was tried before it was accepted.
        core.mailbox.withLock { box in _ = try? body(&box.out) }
    }

    /// Takes what is framed, and lets waiting publishers have the room that confirms have made. When to look at
    /// the first of the messages that it took.
    private func exchange() -> ContinuousClock.Instant? {
        let live = live
        var admitted: [Mailbox.Admitted] = []
        core.mailbox.withLock { box in
            if released > 0 { box.release(released) }
            box.noteUnsent(live?.unsent ?? 0)
            box.pump(into: &settled)
            swap(&admitted, &box.admitted)
            if let live, live.unsent == 0 {
                live.outgoing.clear()
                live.sent = 0
                swap(&live.outgoing, &box.out)
                box.noteUnsent(live.outgoing.count)
            }
        }
        released = 0
        if !admitted.isEmpty { health.published(at: .now) }
        for entry in admitted {
            confirms.append(entry.batch, entry.range)
            tally.published += UInt64(entry.range.count)
        }
        handOver()
        return admitted.isEmpty ? nil : [admitted.first?.batch.deadline, health.verdict].compactMap { $0 }.min()
    }

    /// Sends what is framed without caring for the result; for the end of a connection.
    func lastWords(_ live: LiveLink) {
        guard live.isDrained else { return }
        let bytes = core.mailbox.withLock { $0.out.bytes }
        guard !bytes.isEmpty else { return }
        _ = try? bytes.withBytes(from: 0, live.connection.socket.send)
    }

    private func send() {
        guard let live, !live.isDrained else { return }
        let socket = live.connection.socket
        let before = socket.bytesSent
        do throws(AMQPError) {
            if live.unsent > 0 {
                live.sent += try live.outgoing.bytes.withBytes(from: live.sent, socket.send)
            } else {
                try socket.flush()
            }
        } catch {
            lose(error)
            return
        }
        if socket.bytesSent > before {
            live.lastSent = .now
            tally.sends += 1
        }
        live.noteProgress(socket.bytesSent > before)
        if live.stuckSince != nil { mustLook = true }
    }
}
