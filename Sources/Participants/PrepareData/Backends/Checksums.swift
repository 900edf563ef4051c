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
