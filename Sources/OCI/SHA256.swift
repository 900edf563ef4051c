internal import COpenSSL

/// SHA-256 of a stream of bytes, by OpenSSL, which uses the processor's own instructions for it.
struct SHA256: ~Copyable {
    private let context: OpaquePointer

    init() throws(OCIError) {
        guard let context = EVP_MD_CTX_new() else { throw OCIError(.fileSystem, "no memory for a hash") }
        guard EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
            EVP_MD_CTX_free(context)
            throw OCIError(.unsupported, "this OpenSSL has no SHA-256")
        }
        self.context = context
    }

    deinit { EVP_MD_CTX_free(context) }

    /// Takes the next bytes in.
    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
    }

    /// The digest of everything taken in; nothing may be taken in after it.
    func finish() -> Digest {
        var bytes = [UInt8](repeating: 0, count: 32)
        EVP_DigestFinal_ex(context, &bytes, nil)
        return Digest(bytes: bytes)
    }

    /// The digest of bytes in memory.
    static func digest(of bytes: [UInt8]) throws(OCIError) -> Digest {
        var hash = try SHA256()
        bytes.withUnsafeBytes { hash.update($0) }
        return hash.finish()
    }
}
