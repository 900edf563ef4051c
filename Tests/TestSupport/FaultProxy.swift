internal import Glibc
internal import Synchronization

/// A TCP proxy on loopback that breaks connections on demand: cut, frozen, or cut after some bytes more.
package final class FaultProxy: Sendable {
    /// Whose bytes are meant.
    package enum Side: Sendable, CaseIterable { case client, server }

    private struct Orders {
        var cuts = 0
        /// Whose bytes are passed on no more.
        var frozen: Set<Side> = []
        /// The broker is sent heartbeats in the place of the frozen clients'.
        var feignsClients = false
        /// The thread that passes bytes on has taken note of it.
        var isFrozenSeen = false
        var isRefusing = false
        var isStopped = false
        /// Bytes that still pass before all is cut.
        var budget: [Side: Int] = [:]
        var passed: [Side: Int] = [:]
        var hasCut = false
        var accepted = 0
        var open = 0
    }

    private struct Failure: Error {}

    package let port: UInt16
    private let orders = Mutex(Orders())

    /// Listens on a free port and passes everything on to `target`, a port on loopback.
    package init(to target: UInt16) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        var address = Self.loopback(0)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                bind(listener, generic, size) == 0 && listen(listener, 64) == 0
                    && getsockname(listener, generic, &size) == 0
            }
        }
        guard listener >= 0, status else { throw Failure() }
        port = UInt16(bigEndian: address.sin_port)
        start(listener, target)
    }

    deinit { stop() }

    /// Closes every connection; new ones pass.
    package func cut() { orders.withLock { $0.cuts += 1 } }

    /// Passes nothing on any more, and keeps the connections open, as a dead machine does; or nothing of one side, as a
    /// peer does that has stopped reading. Nothing passes any more when it returns.
    package func freeze(_ sides: Set<Side> = [.client, .server]) {
        orders.withLock {
            $0.frozen = sides
            $0.isFrozenSeen = false
        }
        for _ in 0..<10_000 where !orders.withLock({ $0.isFrozenSeen }) { usleep(1_000) }
    }

    /// Passes nothing of the clients on any more, while the broker goes on to hear from them: to a client it looks like a
    /// broker that lives, speaks, and has stopped reading. To be called while nothing is under way.
    package func stopReading() {
        orders.withLock { $0.feignsClients = true }
        freeze([.client])
    }

    package func thaw() { orders.withLock { $0.frozen = [] } }

    /// Whether new connections are closed at once.
    package func refuse(_ isRefusing: Bool) { orders.withLock { $0.isRefusing = isRefusing } }

    /// Cuts everything after this many bytes more of one side, once.
    package func cut(after bytes: Int, of side: Side = .client) {
        orders.withLock {
            $0.budget[side] = bytes
            $0.hasCut = false
        }
    }

    /// Whether that has happened.
    package var hasCut: Bool { orders.withLock { $0.hasCut } }

    /// Bytes of one side that have passed so far.
    package func passed(_ side: Side) -> Int { orders.withLock { $0.passed[side] ?? 0 } }

    package func stop() { orders.withLock { $0.isStopped = true } }

    /// Whether a client is connected through it.
    package var isInUse: Bool { orders.withLock { $0.open > 0 } }

    /// Connections accepted so far.
    package var accepted: Int { orders.withLock { $0.accepted } }

    private static func loopback(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return address
    }

    // MARK: The thread

    private struct Flow {
        let from: Int32
        let to: Int32
        let side: Side
        var pending: [UInt8] = []
    }

    private final class Job: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    private func start(_ listener: Int32, _ target: UInt16) {
        let job = Unmanaged.passRetained(Job { [weak self] in Self.run(listener, target) { self } })
        var thread = pthread_t()
        pthread_create(
            &thread, nil,
            { argument in
                if let argument { Unmanaged<Job>.fromOpaque(argument).takeRetainedValue().body() }
                return nil
            }, job.toOpaque())
        pthread_detach(thread)
    }

    private static func run(_ listener: Int32, _ target: UInt16, _ proxy: () -> FaultProxy?) {
        var flows: [Flow] = []
        var cuts = 0
        var turns = 0
        func closeAll() {
            for flow in flows { close(flow.from) }
            flows = []
            proxy()?.orders.withLock { $0.open = 0 }
        }
        while let orders = proxy()?.orders.withLock({ $0 }), !orders.isStopped {
            if orders.cuts != cuts {
                cuts = orders.cuts
                closeAll()
            }
            var entries = [pollfd(fd: listener, events: Int16(POLLIN), revents: 0)]
            for flow in flows where !orders.frozen.contains(flow.side) {
                if flow.pending.isEmpty {
                    entries.append(pollfd(fd: flow.from, events: Int16(POLLIN), revents: 0))
                } else {
                    entries.append(pollfd(fd: flow.to, events: Int16(POLLOUT), revents: 0))
                }
            }
            // Orders are looked at every few milliseconds.
            poll(&entries, nfds_t(entries.count), 3)
            if entries[0].revents != 0 { accept(listener, target, orders, proxy, &flows) }
            turns += 1
            if orders.feignsClients, turns.isMultiple(of: 50) {
                let heartbeat: [UInt8] = [8, 0, 0, 0, 0, 0, 0, 206]
                for flow in flows where flow.side == .client { _ = send(flow.to, heartbeat, 8, Int32(MSG_NOSIGNAL)) }
            }
            if !orders.frozen.isEmpty { proxy()?.orders.withLock { $0.isFrozenSeen = true } }
            for index in flows.indices where !orders.frozen.contains(flows[index].side) {
                if !pass(&flows[index], proxy) {
                    closeAll()
                    break
                }
            }
        }
        closeAll()
        close(listener)
    }

    private static func accept(
        _ listener: Int32, _ target: UInt16, _ orders: Orders, _ proxy: () -> FaultProxy?, _ flows: inout [Flow]
    ) {
        let client = Glibc.accept(listener, nil, nil)
        guard client >= 0 else { return }
        let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = loopback(target)
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(server, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard !orders.isRefusing, status == 0 else {
            close(client)
            close(server)
            return
        }
        for descriptor in [client, server] { _ = fcntl(descriptor, F_SETFL, O_NONBLOCK) }
        proxy()?.orders.withLock {
            $0.accepted += 1
            $0.open += 1
        }
        flows.append(Flow(from: client, to: server, side: .client))
        flows.append(Flow(from: server, to: client, side: .server))
    }

    /// Moves what can be moved; `false` when a side is gone or the budget is used up.
    private static func pass(_ flow: inout Flow, _ proxy: () -> FaultProxy?) -> Bool {
        if flow.pending.isEmpty {
            var buffer = [UInt8](repeating: 0, count: 65_536)
            let count = recv(flow.from, &buffer, buffer.count, 0)
            if count == 0 { return false }
            if count < 0 { return errno == EAGAIN }
            flow.pending = Array(buffer[..<count])
        }
        let side = flow.side
        let waiting = flow.pending.count
        guard
            let (allowed, isLast) = proxy()?.orders.withLock({ orders in
                guard let budget = orders.budget[side] else { return (waiting, false) }
                orders.budget[side] = budget > waiting ? budget - waiting : nil
                if budget <= waiting { orders.hasCut = true }
                return (min(waiting, budget), budget <= waiting)
            })
        else { return false }
        let sent = send(flow.to, flow.pending, allowed, Int32(MSG_NOSIGNAL))
        if sent > 0 {
            flow.pending.removeFirst(sent)
            proxy()?.orders.withLock { $0.passed[side, default: 0] += sent }
        }
        return !isLast && (sent >= 0 || errno == EAGAIN)
    }
}
