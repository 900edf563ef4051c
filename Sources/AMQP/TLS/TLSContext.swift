import CTLS

/// What TLS sessions are made from: trusted authorities, our certificate, the rules. Made from files, for one try.
final class TLSContext {
    private let context: OpaquePointer
    private let settings: AMQPTLS

    /// Reads the files that the settings name; `.untrusted` says which one cannot be used, and why.
    init(_ settings: AMQPTLS) throws(AMQPError) {
        self.settings = settings
        guard let context = SSL_CTX_new(TLS_client_method()) else {
            throw AMQPError(.system, "no TLS: \(TLSErrors.take())")
        }
        self.context = context
        guard ctls_restrict(context) == 1 else { throw AMQPError(.system, "no TLS 1.2: \(TLSErrors.take())") }
        try Self.trust(settings, in: context)
        try Self.present(settings, in: context)
    }

    deinit { SSL_CTX_free(context) }

    private static func trust(_ settings: AMQPTLS, in context: OpaquePointer) throws(AMQPError) {
        guard settings.verifiesBroker else { return }
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER) { isGood, store in
            if isGood == 0, let store, let certificate = X509_STORE_CTX_get_current_cert(store),
                let owner = ctls_owner(store)
            {
                Unmanaged<TLSSession.Refused>.fromOpaque(owner).takeUnretainedValue().names = CertificateNames(
                    certificate)
            }
            return isGood
        }
        guard let file = settings.authoritiesFile else {
            SSL_CTX_set_default_verify_paths(context)
            return
        }
        guard SSL_CTX_load_verify_file(context, file) == 1 else {
            throw Self.unusable("certificates of authorities", file, option: "cacertfile")
        }
    }

    private static func present(_ settings: AMQPTLS, in context: OpaquePointer) throws(AMQPError) {
        guard let certificate = settings.certificateFile else { return }
        guard SSL_CTX_use_certificate_chain_file(context, certificate) == 1 else {
            throw unusable("certificate", certificate, option: "certfile")
        }
        let key = settings.keyFile ?? certificate
        var passphrase = Array((settings.keyPassword ?? "").utf8CString)
        let status = passphrase.withUnsafeMutableBufferPointer { text in
            ctls_set_passphrase(context, text.baseAddress)
            defer { ctls_set_passphrase(context, nil) }
            return SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM)
        }
        guard status == 1 else { throw unusable("private key", key, option: "keyfile") }
    }

    private static func unusable(_ what: String, _ file: String, option: String) -> AMQPError {
        AMQPError(
            .untrusted, "\(file) cannot be used as \(what) (\(TLSErrors.take())); correct \(option) in the address")
    }

    /// A session with the broker at `host`, which must prove that it is that host.
    func makeSession(host: String) throws(AMQPError) -> TLSSession {
        let name = settings.serverName ?? host
        guard let session = SSL_new(context) else { throw AMQPError(.system, "no TLS: \(TLSErrors.take())") }
        let tls = TLSSession(owning: session)
        let rules = SSL_get0_param(session)
        // An address in numbers is looked for among the certificate's addresses, and no name is asked for.
        if X509_VERIFY_PARAM_set1_ip_asc(rules, name) == 1 { return tls }
        TLSErrors.forget()
        guard X509_VERIFY_PARAM_set1_host(rules, name, name.utf8.count) == 1,
            ctls_set_server_name(session, name) == 1
        else { throw AMQPError(.untrusted, "\(name) cannot be the name in a certificate: \(TLSErrors.take())") }
        X509_VERIFY_PARAM_set_hostflags(rules, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
        return tls
    }
}
