import CTLS

/// One TLS session between two buffers of memory: it never touches a socket, so it never waits, and nothing that it has
/// decrypted can lie hidden from `poll`.
///
/// It may have something to send after every call, also after reading (new keys, alerts): see `takeSealed`.
final class TLSSession {
    /// What `open` found.
    enum Opened {
        case bytes(Int)
        /// Nothing more until more has arrived.
        case nothing
        /// The other side says that it sends no more.
        case end
    }

    /// The certificate that was refused, noted while OpenSSL looks at it.
    final class Refused {
        var names: CertificateNames?
    }

    private let session: OpaquePointer
    private let refused = Refused()
    // Both belong to the session.
    private let arrived = BIO_new(BIO_s_mem())
    private let sealed = BIO_new(BIO_s_mem())

    /// Takes over a new session.
    init(owning session: OpaquePointer) {
        self.session = session
        SSL_set_bio(session, arrived, sealed)
        SSL_set_connect_state(session)
        ctls_set_owner(session, Unmanaged.passUnretained(refused).toOpaque())
    }

    deinit { SSL_free(session) }

    /// Goes on with the handshake as far as what has arrived allows; whether it is finished.
    func shakeHands() throws(TLSFailure) -> Bool {
        ERR_clear_error()
        let status = SSL_do_handshake(session)
        if status == 1 { return true }
        guard SSL_get_error(session, status) == SSL_ERROR_WANT_READ else { throw failure() }
        return false
    }

    /// Takes what has arrived from the network.
    func receive(_ bytes: UnsafeRawBufferPointer) {
        // Memory takes everything. The count is that of one `recv`.
        _ = BIO_write(arrived, bytes.baseAddress, Int32(bytes.count))
    }

    /// Decrypts into `buffer`.
    func open(into buffer: UnsafeMutableRawBufferPointer) throws(TLSFailure) -> Opened {
        ERR_clear_error()
        let count = SSL_read(session, buffer.baseAddress, Int32(clamping: buffer.count))
        if count > 0 { return .bytes(Int(count)) }
        switch SSL_get_error(session, count) {
        case SSL_ERROR_WANT_READ: return .nothing
        case SSL_ERROR_ZERO_RETURN: return .end
        default: throw failure()
        }
    }

    /// Encrypts all of `bytes`.
    func seal(_ bytes: UnsafeRawBufferPointer) throws(TLSFailure) {
        guard !bytes.isEmpty else { return }
        ERR_clear_error()
        guard SSL_write(session, bytes.baseAddress, Int32(clamping: bytes.count)) == bytes.count else {
            throw failure()
        }
    }

    /// Moves up to the room of `buffer` of what is to be sent into it, and says how much.
    func takeSealed(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        max(0, Int(BIO_read(sealed, buffer.baseAddress, Int32(clamping: buffer.count))))
    }

    private func failure() -> TLSFailure {
        let code = ERR_peek_last_error()
        let verdict = Int32(clamping: SSL_get_verify_result(session))
        let reason = ctls_reason(code)
        let text = TLSErrors.take()
        if reason == SSL_R_CERTIFICATE_VERIFY_FAILED, verdict != X509_V_OK {
            return TLSFailure(
                kind: .certificate(verdict), text: String(cString: X509_verify_cert_error_string(Int(verdict))),
                names: refused.names)
        }
        return TLSFailure(kind: .reason(reason), text: text, names: nil)
    }
}
