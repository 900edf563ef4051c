/// One try to get a logged-in connection to any endpoint. Blocks; runs on a thread of its own.
struct Login {
    let configuration: AMQPConfiguration
    let dialler: Dialler

    /// Tries each endpoint once, in the order given.
    func run(_ endpoints: [AMQPConfiguration.Endpoint]) -> Result<BrokerConnection, AMQPError> {
        var failure = AMQPError(.invalidURI, "no address of RabbitMQ is configured")
        var weight = -1
        for endpoint in endpoints {
            do throws(AMQPError) {
                return .success(try run(endpoint))
            } catch {
                if error.weight > weight { (failure, weight) = (error, error.weight) }
            }
            if dialler.isStopped { break }
        }
        return .failure(failure)
    }

    private func run(_ endpoint: AMQPConfiguration.Endpoint) throws(AMQPError) -> BrokerConnection {
        let deadline = ContinuousClock.now + configuration.connectTimeout
        // Before anybody is bothered: a file that cannot be read is no fault of the broker's.
        let security = try security(endpoint)
        let socket = BrokerSocket(
            try dialler.dial(endpoint, deadline: deadline), endpoint: endpoint.description, security: security)
        // The descriptor must not be shut down once its number may belong to somebody else.
        defer { withExtendedLifetime(socket) { _ = dialler.watch(nil) } }
        do throws(AMQPError) {
            return try LoginDialogue(socket, configuration, deadline).run()
        } catch {
            if dialler.isStopped { throw AMQPError(.cancelled, "connecting was given up") }
            if error.code != .connectionLost { throw error }
            throw AMQPError(.connectionRefused, "the login at \(endpoint) broke off: \(error.message); try again")
        }
    }

    private func security(
        _ endpoint: AMQPConfiguration.Endpoint
    ) throws(AMQPError) -> BrokerSocket.Security? {
        guard let tls = configuration.tls else { return nil }
        return BrokerSocket.Security(
            session: try TLSContext(tls).makeSession(host: endpoint.host), name: tls.serverName ?? endpoint.host,
            hasCertificate: tls.certificateFile != nil)
    }
}

extension AMQPError {
    /// Of the failures of several endpoints the one that tells most is reported: what a broker says about the login
    /// more than a certificate, and that more than that another one is not there.
    fileprivate var weight: Int { replyCode != nil ? 2 : code == .untrusted ? 1 : 0 }
}
