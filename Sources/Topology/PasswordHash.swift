internal import Digests
internal import FoundationEssentials

/// A password as RabbitMQ keeps it, hashing algorithm `rabbit_password_hashing_sha256`: the base64 form of a salt of four
/// bytes, followed by the SHA-256 of the salt and the password's UTF-8 (rabbitmq.com/docs/passwords).
package struct PasswordHash: Sendable, Hashable, CustomStringConvertible {
    /// The name that stands beside it in definitions.
    package static let algorithm = "rabbit_password_hashing_sha256"

    package let description: String

    /// The hash of a password with a random salt.
    package init(_ password: String) {
        self.init(password, salt: (0..<4).map { _ in UInt8.random(in: .min ... .max) })
    }

    /// The hash of a password with a known salt of four bytes.
    init(_ password: String, salt: [UInt8]) {
        description = Data(salt + SHA256.digest(of: salt + password.utf8)).base64EncodedString()
    }
}
