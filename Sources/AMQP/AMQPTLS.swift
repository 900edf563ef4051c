/// How a connection is made private, and how each side proves who it is (TLS 1.2 or 1.3).
///
/// Files are read anew with each connection, so that a renewed certificate is taken up without a restart.
public struct AMQPTLS: Sendable, Hashable {
    /// The authorities whose signature is trusted, a file in PEM; `nil`: those of the operating system.
    public var authoritiesFile: String?
    /// Our own certificate with the chain above it, a file in PEM, for brokers that ask for one.
    public var certificateFile: String?
    /// The private key of that certificate, a file in PEM; `nil`: it stands in the certificate's file.
    public var keyFile: String?
    /// Opens the key where it is encrypted.
    public var keyPassword: String?
    /// Whether the broker must prove who it is. Without it anybody in between can read and change everything.
    public var verifiesBroker = true
    /// The name that the broker's certificate must have, and that is asked for (SNI); `nil`: the host of the address.
    public var serverName: String?

    /// TLS with verification against the authorities of the operating system.
    public init() {}
}
