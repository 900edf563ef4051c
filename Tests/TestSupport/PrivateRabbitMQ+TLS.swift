package import LocalNetwork
internal import Processes

extension PrivateRabbitMQ {
    /// Opens one more port, for TLS, with the given certificate. It stays until the node ends.
    ///
    /// - Parameters:
    ///   - clients: clients must show a certificate that this file's authorities have signed; `nil`: none is asked for.
    ///   - versions: as Erlang names them, such as `tlsv1.2`.
    package func listenForTLS(
        _ identity: TestCertificates.Identity, clients: String? = nil, versions: [String] = ["tlsv1.3", "tlsv1.2"]
    ) async throws -> UInt16 {
        let port = try FreePort.find()
        var options = ["{certfile, \"\(identity.certificate)\"}", "{keyfile, \"\(identity.key)\"}"]
        options.append("{versions, [\(versions.map { "'\($0)'" }.joined(separator: ", "))]}")
        if let clients {
            options += ["{cacertfile, \"\(clients)\"}", "{verify, verify_peer}", "{fail_if_no_peer_cert, true}"]
        }
        let listen =
            "rabbit_networking:start_ssl_listener({\"127.0.0.1\", \(port)}, [\(options.joined(separator: ", "))], 1)."
        // The application is there, and starts with the first listener for TLS of a configuration file otherwise.
        try await control(["eval", "{ok, _} = application:ensure_all_started(ssl), \(listen)"])
        return port
    }

    /// Lets users in whom their certificate names: RabbitMQ's plug-in for that, which `rabbitmq-plugins` would enable.
    package func admitCertificates() async throws {
        try await control([
            "eval",
            """
            [Path | _] = filelib:wildcard(filename:join([code:lib_dir(rabbit), "..", "rabbitmq_auth_mechanism_ssl-*", "ebin"])),
            true = code:add_patha(Path),
            {ok, _} = application:ensure_all_started(rabbitmq_auth_mechanism_ssl),
            rabbit_registry:register(auth_mechanism, <<"EXTERNAL">>, rabbit_auth_mechanism_ssl),
            application:set_env(rabbit, auth_mechanisms, ['PLAIN', 'EXTERNAL']),
            application:set_env(rabbit, ssl_options, [{verify, verify_peer}]),
            application:set_env(rabbit, ssl_cert_login_from, common_name).
            """,
        ])
    }
}
