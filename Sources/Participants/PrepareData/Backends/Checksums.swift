internal import COpenSSL
internal import CZlib

/// The checksum that Rucio keeps of every file (RFC 1950, section 8.2).
package struct Adler32: Sendable, Hashable, CustomStringConvertible {
    private var value: UInt32

    /// Of no bytes.
    package init() { value = 1 }

    /// Reads 8 hexadecimal digits.
    package init?(_ text: String) {
        guard text.utf8.count == 8, text.allSatisfy({ $0.isHexDigit && $0.isASCII }),
            let value = UInt32(text, radix: 16)
        else { return nil }
        self.value = value
    }

    /// Takes in the bytes that follow.
    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        // Without an address zlib would begin anew.
        guard let start = bytes.baseAddress else { return }
        let sum = adler32_z(uLong(value), start.assumingMemoryBound(to: Bytef.self), bytes.count)
        value = UInt32(truncatingIfNeeded: sum)
    }

    /// 8 hexadecimal digits.
    package var description: String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }
}

/// MD5 of a text as 32 hexadecimal digits. It names files, as Rucio does, and protects nothing.
func md5(_ text: String) -> String {
    var digest = [UInt8](repeating: 0, count: 16)
    let bytes = Array(text.utf8)
    EVP_Digest(bytes, bytes.count, &digest, nil, EVP_md5(), nil)
    return digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}
