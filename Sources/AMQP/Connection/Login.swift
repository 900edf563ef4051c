import CRabbitMQ
import Glibc

/// One try to get a logged-in connection to any endpoint. Blocks; runs on a thread of its own.
struct Login {
    let configuration: AMQPConfiguration
    let dialler: Dialler

    /// Tries each endpoint once, beginning with number `first`.
    func run(first: Int) -> Result<LibraryConnection, AMQPError> {
        let endpoints = configuration.endpoints
        var failure = AMQPError(.invalidURI, "no address of RabbitMQ is configured")
        for offset in endpoints.indices {
            let endpoint = endpoints[(first + offset) % endpoints.count]
            do throws(AMQPError) {
                return .success(try run(endpoint))
            } catch {
                // What a broker says about the login tells more than that another one is not there.
                if failure.replyCode == nil || error.replyCode != nil { failure = error }
            }
            if dialler.isStopped { break }
        }
        return .failure(failure)
    }

    private func run(_ endpoint: AMQPConfiguration.Endpoint) throws(AMQPError) -> LibraryConnection {
        let deadline = ContinuousClock.now + configuration.connectTimeout
        let descriptor = try dialler.dial(endpoint, deadline: deadline)
        defer { _ = dialler.watch(nil) }
        guard let state = amqp_new_connection(), let socket = amqp_tcp_socket_new(state) else {
            Glibc.close(descriptor)
            throw AMQPError(.system, "no memory for a connection")
        }
        // From here on the library owns the descriptor.
        amqp_tcp_socket_set_sockfd(socket, descriptor)
        do {
            try logIn(state, endpoint, deadline)
        } catch {
            // The descriptor must not be shut down once its number may belong to somebody else.
            _ = dialler.watch(nil)
            amqp_destroy_connection(state)
            throw error
        }
        return LibraryConnection(loggedIn: state, endpoint: endpoint.description)
    }

    private func logIn(
        _ state: amqp_connection_state_t, _ endpoint: AMQPConfiguration.Endpoint, _ deadline: ContinuousClock.Instant
    ) throws(AMQPError) {
        let left = max(1, Int(deadline.pollTimeout(from: .now)))
        var timeout = timeval(tv_sec: left / 1000, tv_usec: left % 1000 * 1000)
        amqp_set_handshake_timeout(state, &timeout)
        let reply = crabbitmq_login_plain(
            state, configuration.virtualHost, 2047, Int32(clamping: max(4096, configuration.maxFrameBytes)),
            heartbeatSeconds, configuration.connectionName, configuration.user, configuration.password)
        switch reply.reply_type {
        case AMQP_RESPONSE_NORMAL: return
        case AMQP_RESPONSE_SERVER_EXCEPTION: throw refusal(reply.reply, endpoint)
        default: throw failure(reply.library_error, endpoint)
        }
    }

    /// The protocol knows whole seconds only, and 0 means none.
    private var heartbeatSeconds: Int32 {
        let (seconds, attoseconds) = configuration.heartbeat.components
        return Int32(max(0, min(65_535, seconds + (attoseconds > 0 ? 1 : 0))))
    }

    /// What the broker answered to user, password and virtual host.
    private func refusal(_ method: amqp_method_t, _ endpoint: AMQPConfiguration.Endpoint) -> AMQPError {
        guard case .connectionClosed(let code, let text)? = InboundMethod(method) else {
            return AMQPError(.connectionLost, "\(endpoint) ended the login without a reason")
        }
        let host = configuration.virtualHost
        switch code {
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

    private func failure(_ status: Int32, _ endpoint: AMQPConfiguration.Endpoint) -> AMQPError {
        if dialler.isStopped { return AMQPError(.cancelled, "connecting was given up") }
        switch status {
        case AMQP_STATUS_TIMEOUT.rawValue:
            return AMQPError(
                .timeout, "\(endpoint) accepts connections and then says nothing; is it RabbitMQ, and well?")
        case AMQP_STATUS_BAD_AMQP_DATA.rawValue, AMQP_STATUS_INCOMPATIBLE_AMQP_VERSION.rawValue,
            AMQP_STATUS_UNKNOWN_METHOD.rawValue, AMQP_STATUS_UNKNOWN_CLASS.rawValue:
            return AMQPError(
                .connectionRefused,
                "what answers at \(endpoint) does not speak AMQP 0-9-1; is this the port of RabbitMQ (5672)?")
        default:
            return AMQPError(
                .connectionRefused, "the login at \(endpoint) broke off (\(LibraryConnection.text(status))); try again")
        }
    }
}
