internal import FoundationEssentials
internal import Processes

/// An authority of the tests' own, and what it signs. Everything is made by `openssl` in a folder of the tests.
package struct TestCertificates: Sendable {
    /// One certificate with its key, both files in PEM.
    package struct Identity: Sendable {
        package let certificate: String
        package let key: String
    }

    /// The folder of all files.
    package let folder: String
    /// What signs, and what others trust.
    package let authority: Identity

    /// A new authority; its name is shown where its signature is not trusted.
    package static func make(authority name: String = "Test Authority") async throws -> TestCertificates {
        let folder = try await TemporaryFolder.make()
        let files = Identity(certificate: "\(folder)/ca.pem", key: "\(folder)/ca.key")
        try await openssl(
            ["req", "-x509", "-subj", "/CN=\(name)", "-days", "2", "-keyout", files.key, "-out", files.certificate]
                + newKey)
        return TestCertificates(folder: folder, authority: files)
    }

    /// A certificate signed by this authority.
    ///
    /// - Parameters:
    ///   - name: its common name, and the name of its files.
    ///   - subjects: what it is for, as in `DNS:localhost,IP:127.0.0.1`.
    ///   - days: how long it is valid; one below 0 has expired.
    package func make(_ name: String, for subjects: String? = nil, days: Int = 2) async throws -> Identity {
        let files = Identity(certificate: "\(folder)/\(name).pem", key: "\(folder)/\(name).key")
        let request = "\(folder)/\(name).csr"
        try await Self.openssl(
            ["req", "-new", "-subj", "/CN=\(name)", "-keyout", files.key, "-out", request] + Self.newKey)
        var arguments = [
            "x509", "-req", "-in", request, "-CA", authority.certificate, "-CAkey", authority.key, "-CAcreateserial",
            "-days", "\(days)", "-out", files.certificate,
        ]
        if let subjects {
            let extensions = "\(folder)/\(name).ext"
            try Data("subjectAltName=\(subjects)\n".utf8).write(to: URL(filePath: extensions))
            arguments += ["-extfile", extensions]
        }
        try await Self.openssl(arguments)
        return files
    }

    /// A key like the given one that needs a password.
    package func encrypt(_ key: String, password: String) async throws -> String {
        try await Self.openssl(["ec", "-in", key, "-aes256", "-passout", "pass:\(password)", "-out", "\(key).secret"])
        return "\(key).secret"
    }

    private static let newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]

    private static func openssl(_ arguments: [String]) async throws {
        _ = try await run(ProcessSettings("openssl", arguments), deadline: .seconds(60)).checked()
    }
}
