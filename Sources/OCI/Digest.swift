internal import Digests

/// The name of a blob: the SHA-256 of its bytes (OCI image specification, descriptor.md, Digests).
package struct Digest: Sendable, Hashable, Codable, Comparable, CustomStringConvertible {
    /// 64 lower-case hexadecimal digits, fit for a file name.
    package let hex: String

    /// Reads `sha256:<64 lower-case hexadecimal digits>` and nothing else.
    package init(parsing text: String) throws(OCIError) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0] == "sha256" else {
            throw OCIError(.invalidDigest, "'\(text)' is no SHA-256 digest")
        }
        guard let digest = Digest(hex: String(parts[1])) else {
            throw OCIError(.invalidDigest, "'\(text)' is not sha256: and 64 lower-case hexadecimal digits")
        }
        self = digest
    }

    /// nil where the text is not 64 lower-case hexadecimal digits.
    package init?(hex: String) {
        guard hex.utf8.count == 64, hex.utf8.allSatisfy(Digest.isLowerHexadecimal) else { return nil }
        self.hex = hex
    }

    /// Of everything that a hash has taken in.
    init(_ hash: borrowing SHA256) { hex = hash.finish().hexadecimal }

    /// Of bytes in memory.
    init(of bytes: [UInt8]) { hex = SHA256.digest(of: bytes).hexadecimal }

    package init(from decoder: any Decoder) throws {
        try self.init(parsing: try decoder.singleValueContainer().decode(String.self))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }

    package var description: String { "sha256:\(hex)" }

    package static func < (left: Digest, right: Digest) -> Bool { left.hex < right.hex }

    private static func isLowerHexadecimal(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }
}
