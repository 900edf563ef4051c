import Glibc

/// The socket to the broker in non-blocking mode, with TLS on it where that is configured. Nothing here waits.
final class BrokerSocket {
    /// What to say of TLS when it fails.
    struct Security {
        let session: TLSSession
        /// The name that the broker's certificate must have.
        let name: String
        let hasCertificate: Bool
    }

    let descriptor: Int32
    let endpoint: String
    private let security: Security?
    /// Between the socket and TLS; empty without it.
    private let buffer: UnsafeMutableRawBufferPointer
    /// More may be had without reading the socket, so that `poll` would be silent about it.
    private(set) var hasMore = false
    /// Encrypted, and sent up to `sent`.
    private var sealed: [UInt8] = []
    private var sent = 0

    /// Takes over the descriptor, and closes it at the end.
    init(_ descriptor: Int32, endpoint: String, security: Security?) {
        self.descriptor = descriptor
        self.endpoint = endpoint
        self.security = security
        buffer = .allocate(byteCount: security == nil ? 0 : 131_072, alignment: 16)
    }

    deinit {
        Glibc.close(descriptor)
        buffer.deallocate()
    }

    /// What the operating system has taken so far.
    private(set) var bytesSent: UInt64 = 0

    /// Whether something taken earlier still waits for the socket.
    var hasUnsent: Bool { sent < sealed.count }

    // MARK: Reading

    /// Reads what is there, as far as `room` goes; 0 when there is nothing. Throws `.connectionLost` at the end.
    func read(into room: UnsafeMutableRawBufferPointer) throws(AMQPError) -> Int {
        guard security == nil else { return try readSealed(into: room) }
        let count = recv(descriptor, room.baseAddress, room.count, Int32(MSG_DONTWAIT))
        return try checked(count, errno)
    }

    private func readSealed(into room: UnsafeMutableRawBufferPointer) throws(AMQPError) -> Int {
        // What did not fit the last time comes first.
        let count = hasMore ? 0 : recv(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
        let number = errno
        let bytes = UnsafeRawBufferPointer(rebasing: buffer.prefix(max(0, count)))
        try tried { session throws(TLSFailure) in session.receive(bytes) }
        // Also where nothing came: the handshake may have read more than it needed, and before an end is the reason.
        let opened = try open(into: room)
        if opened > 0 || hasMore { return opened }
        return count > 0 ? 0 : try checked(count, number)
    }

    /// Decrypts as much as there is room for.
    private func open(into room: UnsafeMutableRawBufferPointer) throws(AMQPError) -> Int {
        var filled = 0
        hasMore = false
        while filled < room.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: room[filled...])
            let step: TLSSession.Opened
            do throws(AMQPError) {
                step = try tried { session throws(TLSFailure) in try session.open(into: rest) }
            } catch {
                // What was read before counts; the failure comes again.
                if filled > 0 { return filled }
                throw error
            }
            switch step {
            case .bytes(let count): filled += count
            case .end where filled == 0: throw broken("the other side closed it")
            case .nothing, .end:
                // Reading can make something to say: new keys, alerts.
                if let security { collect(security.session) }
                return filled
            }
        }
        hasMore = true
        return filled
    }

    private func checked(_ count: Int, _ number: Int32) throws(AMQPError) -> Int {
        if count > 0 { return count }
        if count < 0, Self.isTransient(number) { return 0 }
        throw broken(count == 0 ? "the other side closed it" : SystemError.text(number))
    }

    // MARK: Writing

    /// Sends what the socket takes of `bytes`, and says how much it took charge of.
    func send(_ bytes: UnsafeRawBufferPointer) throws(AMQPError) -> Int {
        guard let security else { return try write(bytes) }
        guard try flush() else { return 0 }
        // In pieces, so that no more memory is needed than for one of them.
        let piece = UnsafeRawBufferPointer(rebasing: bytes.prefix(Self.piece))
        try tried { session throws(TLSFailure) in try session.seal(piece) }
        collect(security.session)
        _ = try flush()
        return piece.count
    }

    /// How much is encrypted ahead of the socket, in bytes.
    private static let piece = 131_072

    /// Sends what was left, and what TLS itself has to say; whether all of it went.
    @discardableResult
    func flush() throws(AMQPError) -> Bool {
        guard let security else { return true }
        collect(security.session)
        while hasUnsent {
            let count = try sealed.withBytes(from: sent, write)
            if count == 0 { return false }
            sent += count
        }
        sealed.removeAll(keepingCapacity: true)
        sent = 0
        return true
    }

    private func collect(_ session: TLSSession) {
        while true {
            let count = session.takeSealed(into: buffer)
            if count == 0 { return }
            sealed.append(contentsOf: buffer[..<count])
        }
    }

    private func write(_ bytes: UnsafeRawBufferPointer) throws(AMQPError) -> Int {
        let count = Glibc.send(
            descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
        if count >= 0 {
            bytesSent += UInt64(count)
            return count
        }
        guard Self.isTransient(errno) else { throw broken(SystemError.text(errno)) }
        return 0
    }

    // MARK: TLS

    /// Reads what has arrived and goes on with the handshake as far as possible; whether it is finished.
    /// What it has to say is to be flushed, also after an error.
    func shakeHands() throws(AMQPError) -> Bool {
        guard security != nil else { return true }
        let count = recv(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
        let number = errno
        let bytes = UnsafeRawBufferPointer(rebasing: buffer.prefix(max(0, count)))
        let isFinished = try tried { session throws(TLSFailure) in
            session.receive(bytes)
            return try session.shakeHands()
        }
        if isFinished || count > 0 || count < 0 && Self.isTransient(number) { return isFinished }
        throw broken(count == 0 ? "the other side closed it" : SystemError.text(number))
    }

    private func tried<Value>(_ body: (TLSSession) throws(TLSFailure) -> Value) throws(AMQPError) -> Value {
        guard let security else { throw broken("there is no TLS on it") }
        do throws(TLSFailure) {
            return try body(security.session)
        } catch {
            // An alert tells the other side why.
            collect(security.session)
            _ = try? flush()
            throw error.error(at: endpoint, name: security.name, hasCertificate: security.hasCertificate)
        }
    }

    private static func isTransient(_ number: Int32) -> Bool {
        number == EAGAIN || number == EWOULDBLOCK || number == EINTR
    }

    private func broken(_ why: String) -> AMQPError {
        AMQPError(.connectionLost, "the connection to \(endpoint) broke (\(why))")
    }
}
