import Glibc

/// What is said between the connection of the socket and the first channel: TLS, then protocol header, start, tune,
/// open (AMQP 0-9-1, section 1.4.2). Waits, up to the deadline.
struct LoginDialogue {
    private let socket: BrokerSocket
    private let frames = FrameBuffer()
    private let decoder = MethodDecoder()
    private let configuration: AMQPConfiguration
    private let deadline: ContinuousClock.Instant

    init(
        _ socket: BrokerSocket, _ configuration: AMQPConfiguration, _ deadline: ContinuousClock.Instant
    ) {
        self.socket = socket
        self.configuration = configuration
        self.deadline = deadline
    }

    private var endpoint: String { socket.endpoint }

    func run() throws(AMQPError) -> BrokerConnection {
        try secure()
        try send { $0.write(Array("AMQP\u{0}\u{0}\u{9}\u{1}".utf8)) }
        guard case .connectionStarted(let mechanisms) = try next() else { throw outOfTurn }
        let mechanism = try mechanism(among: mechanisms)
        try send { writer throws(AMQPError) in try writer.startConnection(mechanism, configuration) }
        guard case .connectionTuned(let channels, let frame, let heartbeat) = try next() else { throw outOfTurn }

        // 0 means no limit; 2047 is RabbitMQ's own, and librabbitmq's memory is reckoned by it.
        let maxChannel = channels == 0 ? 2047 : min(channels, 2047)
        let proposed = UInt32(clamping: max(4096, configuration.maxFrameBytes))
        let maxFrame = frame == 0 ? proposed : min(frame, proposed)
        let seconds = heartbeat == 0 ? heartbeatSeconds : min(heartbeat, heartbeatSeconds)
        let virtualHost = configuration.virtualHost
        try send { writer throws(AMQPError) in
            try writer.tune(maxChannel: maxChannel, maxFrame: maxFrame, heartbeat: seconds)
            try writer.openConnection(virtualHost)
        }
        guard case .answer(.connectionOpenOK, _) = try next() else { throw outOfTurn }
        frames.limitFrames(to: Int(maxFrame))
        return BrokerConnection(
            socket, frames, decoder, maxFrame: Int(maxFrame), maxChannel: maxChannel,
            heartbeat: seconds > 0 ? .seconds(Int(seconds)) : nil)
    }

    /// The protocol knows whole seconds only, and 0 means none.
    private var heartbeatSeconds: UInt16 {
        let (seconds, attoseconds) = configuration.heartbeat.components
        return UInt16(clamping: seconds + (attoseconds > 0 ? 1 : 0))
    }

    private func mechanism(among offered: String) throws(AMQPError) -> String {
        let wanted =
            switch configuration.authentication {
            case .password: "PLAIN"
            case .certificate: "EXTERNAL"
            }
        guard offered.split(separator: " ").contains(Substring(wanted)) else {
            throw AMQPError(
                .authenticationFailed,
                "\(endpoint) does not let anybody in by \(wanted), only by \(offered): enable it there, "
                    + "or change auth_mechanism in the address")
        }
        return wanted
    }

    // MARK: Waiting

    private func secure() throws(AMQPError) {
        do throws(AMQPError) {
            while try !socket.shakeHands() {
                let isSent = try socket.flush()
                try wait(for: isSent ? POLLIN : POLLIN | POLLOUT)
            }
        } catch {
            // The broker is told why.
            _ = try? socket.flush()
            throw error
        }
        while try !socket.flush() { try wait(for: POLLOUT) }
    }

    private func send(_ body: (inout ByteWriter) throws(AMQPError) -> Void) throws(AMQPError) {
        var writer = ByteWriter()
        try body(&writer)
        do throws(AMQPError) {
            var sent = 0
            while sent < writer.count || socket.hasUnsent {
                let count = try writer.bytes.withBytes(from: sent, socket.send)
                sent += count
                if count == 0 { try wait(for: POLLOUT) }
            }
        } catch {
            // What it said before it closed tells more than that it has closed.
            _ = try socket.read(into: frames.room)
            throw error
        }
    }

    /// The next method of the broker; its farewell is thrown as an error.
    private func next() throws(AMQPError) -> InboundMethod {
        while true {
            while let frame = try tried({ () throws(AMQPError) in try frames.next() }) {
                guard frame.type == RawFrame.method, let method = try decoder.method(frame.payload) else { continue }
                guard case .connectionClosed(let code, let text) = method else { return method }
                // The courtesy is for its log.
                try? send { writer throws(AMQPError) in try writer.method(.connectionCloseOK, channel: 0) }
                throw refusal(code, text)
            }
            let count = try tried { () throws(AMQPError) in try socket.read(into: frames.room) }
            frames.filled(count)
            if count == 0 { try wait(for: POLLIN) }
        }
    }

    /// Says it in other words where the other side turns out to be no RabbitMQ.
    private func tried<Value>(_ body: () throws(AMQPError) -> Value) throws(AMQPError) -> Value {
        do throws(AMQPError) {
            return try body()
        } catch {
            guard let first = frames.firstByte, first != RawFrame.method, error.code == .connectionLost else {
                throw error
            }
            throw first == Self.tlsAlert && configuration.tls == nil ? needsTLS : noAMQP
        }
    }

    private func wait(for events: Int32) throws(AMQPError) {
        var entry = pollfd(fd: socket.descriptor, events: Int16(events), revents: 0)
        let ready = poll(&entry, 1, deadline.pollTimeout(from: .now))
        guard ready != 0 else {
            throw AMQPError(
                .timeout, "\(endpoint) accepts connections and then says nothing; is it RabbitMQ, and well?")
        }
        guard ready > 0 || errno == EINTR else { throw AMQPError(.system, "cannot wait: \(SystemError.text(errno))") }
    }

    // MARK: Refusals

    private static let tlsAlert: UInt8 = 0x15

    private var needsTLS: AMQPError {
        AMQPError(.connectionRefused, "\(endpoint) speaks TLS: write amqps:// in the address, or take another port")
    }

    private var noAMQP: AMQPError {
        AMQPError(
            .connectionRefused,
            "what answers at \(endpoint) does not speak AMQP 0-9-1; is this the port of RabbitMQ (5672)?")
    }

    private var outOfTurn: AMQPError { AMQPError(.connectionLost, "\(endpoint) broke the protocol of the login") }

    /// What the broker says to user, password and virtual host.
    private func refusal(_ code: UInt16, _ text: String) -> AMQPError {
        let host = configuration.virtualHost
        switch code {
        case 403 where configuration.authentication == .certificate:
            return AMQPError(
                .authenticationFailed,
                "\(endpoint) does not know the user of our certificate (\(text)): make one of that name, "
                    + "or take another certificate",
                replyCode: code)
        case 403:
            return AMQPError(
                .authenticationFailed,
                "\(endpoint) refuses the user \(configuration.user): wrong user or password; correct the address",
                replyCode: code)
        case 530 where text.contains("not found"):
            return AMQPError(
                .virtualHostRefused,
                "the virtual host \(host) does not exist at \(endpoint); create it, or correct the address",
                replyCode: code)
        case 530 where text.contains("refused for user"):
            return AMQPError(
                .virtualHostRefused,
                "the user \(configuration.user) may not use the virtual host \(host) at \(endpoint); set its permissions",
                replyCode: code)
        default:
            // Such as the limit of connections, which may be free again later.
            return AMQPError(
                .connectionClosed, "\(endpoint) refuses the connection: \(text)", replyCode: code, isRetriable: true)
        }
    }
}
