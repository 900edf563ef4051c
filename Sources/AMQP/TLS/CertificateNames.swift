import CTLS

/// What a certificate says of itself, for messages.
struct CertificateNames {
    /// Who signed it.
    let issuer: String
    /// The hosts and addresses that it is for.
    let subjects: String
    let expiry: String

    init(_ certificate: OpaquePointer) {
        issuer = Self.text { ctls_print_issuer($0, certificate) }
        subjects = Self.text { ctls_print_subjects($0, certificate) }
        expiry = Self.text { ASN1_TIME_print($0, X509_get0_notAfter(certificate)) }
    }

    /// What `print` writes, at most some hundred characters of it.
    private static func text<Ignored>(_ print: (OpaquePointer?) -> Ignored) -> String {
        let buffer = BIO_new(BIO_s_mem())
        defer { BIO_free(buffer) }
        _ = print(buffer)
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 500) { bytes in
            let count = BIO_read(buffer, bytes.baseAddress, Int32(bytes.count))
            return String(decoding: bytes.prefix(max(0, Int(count))), as: UTF8.self)
        }
    }
}
