internal import COpenSSL

/// SHA-256 of a stream of bytes, by OpenSSL, which uses the processor's own instructions for it.
package struct SHA256: ~Copyable {
    private let context: OpaquePointer

    package init() {
        // A digest that is wrong would be worse than no program: names, passwords and repeated messages rest on it.
        guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
            preconditionFailure("OpenSSL has no SHA-256")  // reason: depends on how OpenSSL is installed, on no input
        }
        self.context = context
    }

    deinit { EVP_MD_CTX_free(context) }

    /// Takes the next bytes in.
    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
    }

    /// The 32 bytes of the digest of everything taken in; nothing may be taken in after it.
    package func finish() -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 32)
        EVP_DigestFinal_ex(context, &digest, nil)
        return digest
    }

    /// The 32 bytes of the digest of bytes in memory.
    package static func digest(of bytes: [UInt8]) -> [UInt8] {
        var hash = SHA256()
        bytes.withUnsafeBytes { hash.update($0) }
        return hash.finish()
    }
}
