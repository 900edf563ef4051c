import CTLS

/// Why a TLS session cannot be, or cannot go on.
struct TLSFailure: Error {
    enum Kind {
        /// The broker's certificate was refused (X509_V_ERR_…).
        case certificate(Int32)
        /// Anything else (SSL_R_…), alerts of the broker among them.
        case reason(Int32)
    }

    let kind: Kind
    /// In OpenSSL's words.
    let text: String
    /// What the broker's certificate says, where it sent one.
    let names: CertificateNames?

    /// The same for a person: what is wrong, and what to do.
    func error(at endpoint: String, name: String, hasCertificate: Bool) -> AMQPError {
        switch kind {
        case .certificate(let verdict): AMQPError(.untrusted, refusal(verdict, endpoint, name))
        case .reason(let reason): Self.error(reason, text, endpoint, hasCertificate)
        }
    }

    private func refusal(_ verdict: Int32, _ endpoint: String, _ name: String) -> String {
        let who = "the certificate of \(endpoint)"
        switch verdict {
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
            X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
            X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, X509_V_ERR_CERT_SIGNATURE_FAILURE:
            let issuer = names.map { " (\($0.issuer))" } ?? ""
            return "\(who) is signed by an authority that is not trusted here\(issuer): "
                + "name the file of the right one by cacertfile=… in the address"
        case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH:
            let valid = names.map { $0.subjects.isEmpty ? "" : " but for \($0.subjects)" } ?? ""
            return "\(who) is not for \(name)\(valid): correct the host, or name it by server_name_indication=…"
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return "\(who) has expired\(names.map { " (\($0.expiry))" } ?? ""): the broker needs a new one"
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return "\(who) is not valid yet: is the clock of this machine right?"
        default:
            return "\(who) cannot be trusted: \(text)"
        }
    }

    private static func error(
        _ reason: Int32, _ text: String, _ endpoint: String, _ hasCertificate: Bool
    ) -> AMQPError {
        switch reason {
        case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED where !hasCertificate,
            SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE where !hasCertificate:
            return AMQPError(
                .untrusted,
                "\(endpoint) asks for a client certificate: name its files by certfile=… and keyfile=… in the address"
                    + (reason == SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE ? " (or no cipher is common to both)" : ""))
        case SSL_R_TLSV1_ALERT_UNKNOWN_CA, SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN,
            SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE, SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED,
            SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED, SSL_R_TLSV1_ALERT_ACCESS_DENIED,
            SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
            return AMQPError(
                .untrusted, "\(endpoint) refuses our client certificate (\(text)): correct certfile in the address")
        case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, SSL_R_UNSUPPORTED_PROTOCOL:
            return AMQPError(.untrusted, "\(endpoint) does not offer TLS 1.2 or 1.3 (\(text))")
        case SSL_R_WRONG_VERSION_NUMBER, SSL_R_HTTP_REQUEST, SSL_R_PACKET_LENGTH_TOO_LONG:
            return AMQPError(
                .connectionRefused,
                "what answers at \(endpoint) does not speak TLS; is this RabbitMQ's port for it (5671)?")
        default:
            return AMQPError(.connectionLost, "TLS with \(endpoint) failed: \(text)")
        }
    }
}

/// Texts of OpenSSL's errors, which each thread keeps in a list of its own.
enum TLSErrors {
    /// The newest error, in words; the list is empty afterwards.
    static func take() -> String {
        let code = ERR_peek_last_error()
        forget()
        guard code != 0 else { return "no reason is known" }
        guard let text = ERR_reason_error_string(code) else { return "error \(code)" }
        return String(cString: text)
    }

    static func forget() { ERR_clear_error() }
}
