import Glibc
import Synchronization

/// Opens TCP connections with a deadline, and can be told to stop from another thread.
///
/// All of it blocks, so it runs on a thread of its own: name resolution knows no deadline, and login belongs to the
/// library.
final class Dialler: Sendable {
    private struct State {
        // The socket that is being connected or logged in; only borrowed, and cleared before it is closed.
        var descriptor: Int32?
        var isStopped = false
    }

    private let state = Mutex(State())

    /// Ends the try that is under way, and refuses further ones.
    func stop() {
        state.withLock { state in
            state.isStopped = true
            if let descriptor = state.descriptor { _ = shutdown(descriptor, Int32(SHUT_RDWR)) }
        }
    }

    var isStopped: Bool { state.withLock { $0.isStopped } }

    /// Notes the socket that `stop` may shut down; `false` if it was stopped already.
    func watch(_ descriptor: Int32?) -> Bool {
        state.withLock { state in
            state.descriptor = descriptor
            return !state.isStopped
        }
    }

    /// A connected socket in non-blocking mode, which the caller must close.
    func dial(
        _ endpoint: AMQPConfiguration.Endpoint, deadline: ContinuousClock.Instant
    ) throws(AMQPError) -> Int32 {
        var failure = AMQPError(.connectionRefused, "\(endpoint) has no address")
        for address in try Self.resolve(endpoint) {
            do throws(AMQPError) {
                return try connect(to: address, endpoint, deadline: deadline)
            } catch {
                failure = error
            }
        }
        throw failure
    }

    private struct Address {
        var family: Int32
        var bytes: [UInt8]
    }

    private static func resolve(_ endpoint: AMQPConfiguration.Endpoint) throws(AMQPError) -> [Address] {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = Int32(AI_NUMERICSERV)
        var list: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(endpoint.host, String(endpoint.port), &hints, &list)
        guard status == 0 else {
            let reason = gai_strerror(status).map { String(cString: $0) } ?? "error \(status)"
            throw AMQPError(
                .connectionRefused, "the host \(endpoint.host) of RabbitMQ is not known (\(reason)); check the address")
        }
        defer { freeaddrinfo(list) }
        var addresses: [Address] = []
        var next = list
        while let entry = next {
            if let raw = entry.pointee.ai_addr {
                let bytes = UnsafeRawBufferPointer(start: raw, count: Int(entry.pointee.ai_addrlen))
                addresses.append(Address(family: entry.pointee.ai_family, bytes: Array(bytes)))
            }
            next = entry.pointee.ai_next
        }
        return addresses
    }

    private func connect(
        to address: Address, _ endpoint: AMQPConfiguration.Endpoint, deadline: ContinuousClock.Instant
    ) throws(AMQPError) -> Int32 {
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(address.family, kind, 0)
        guard descriptor >= 0 else {
            throw AMQPError(.system, "no socket: \(SystemError.text(errno)); raise the limit of open files")
        }
        do throws(AMQPError) {
            guard watch(descriptor) else { throw AMQPError(.cancelled, "connecting was given up") }
            try finish(descriptor, address, endpoint, deadline)
            return descriptor
        } catch {
            _ = watch(nil)
            Glibc.close(descriptor)
            throw error
        }
    }

    private func finish(
        _ descriptor: Int32, _ address: Address, _ endpoint: AMQPConfiguration.Endpoint,
        _ deadline: ContinuousClock.Instant
    ) throws(AMQPError) {
        var yes: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
        let status = address.bytes.withUnsafeBytes { raw -> Int32 in
            guard let start = raw.baseAddress else { return -1 }
            return Glibc.connect(
                descriptor, start.assumingMemoryBound(to: sockaddr.self), socklen_t(raw.count))
        }
        if status == 0 { return }
        guard errno == EINPROGRESS else { throw Self.refused(endpoint, errno) }
        var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        var ready: Int32
        repeat {
            ready = poll(&entry, 1, deadline.pollTimeout(from: .now))
        } while ready < 0 && errno == EINTR
        guard ready > 0 else {
            throw AMQPError(
                .timeout, "no answer from \(endpoint) in time; is the address right, and no firewall in between?")
        }
        var failure: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &failure, &size)
        guard failure == 0 else { throw Self.refused(endpoint, failure) }
        guard !isStopped else { throw AMQPError(.cancelled, "connecting was given up") }
    }

    private static func refused(_ endpoint: AMQPConfiguration.Endpoint, _ number: Int32) -> AMQPError {
        AMQPError(
            .connectionRefused,
            "no RabbitMQ answers at \(endpoint) (\(SystemError.text(number))); start it, or correct the address")
    }
}

extension ContinuousClock.Instant {
    /// Milliseconds for `poll`, rounded up so that it does not wake before its time.
    func pollTimeout(from now: ContinuousClock.Instant) -> Int32 {
        let (seconds, attoseconds) = now.duration(to: self).components
        if seconds < 0 || (seconds == 0 && attoseconds <= 0) { return 0 }
        if seconds > 1_000_000 { return 1_000_000_000 }
        return Int32(seconds) * 1000 + Int32((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}
