import CTLS
import TestSupport
import Testing

@testable import AMQP

@Suite("TLS between two buffers", .timeLimit(.minutes(1)))
struct TLSSessionTests {
    private struct Failure: Error {}

    /// The other side, in memory too.
    private final class Server {
        let context = SSL_CTX_new(TLS_server_method())
        let session: OpaquePointer?
        private let arrived = BIO_new(BIO_s_mem())
        private let sealed = BIO_new(BIO_s_mem())

        init(_ identity: TestCertificates.Identity) {
            SSL_CTX_use_certificate_chain_file(context, identity.certificate)
            SSL_CTX_use_PrivateKey_file(context, identity.key, SSL_FILETYPE_PEM)
            session = SSL_new(context)
            SSL_set_bio(session, arrived, sealed)
            SSL_set_accept_state(session)
        }

        deinit {
            SSL_free(session)
            SSL_CTX_free(context)
        }

        /// Carries bytes both ways.
        func exchange(with client: TLSSession) {
            withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 1) { buffer in
                while case let count = client.takeSealed(into: buffer), count > 0 {
                    BIO_write(arrived, buffer.baseAddress, Int32(count))
                }
                SSL_do_handshake(session)
                while case let count = BIO_read(sealed, buffer.baseAddress, Int32(buffer.count)), count > 0 {
                    client.receive(UnsafeRawBufferPointer(rebasing: buffer[..<Int(count)]))
                }
            }
        }

        func read() -> String? {
            withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 1000) { buffer in
                let count = SSL_read(session, buffer.baseAddress, 1000)
                return count > 0 ? String(decoding: buffer[..<Int(count)], as: UTF8.self) : nil
            }
        }

        func write(_ text: String) { SSL_write(session, text, Int32(text.utf8.count)) }
    }

    private func read(_ client: TLSSession) throws -> String? {
        try withUnsafeTemporaryAllocation(byteCount: 1000, alignment: 1) { buffer in
            guard case .bytes(let count) = try client.open(into: buffer) else { return nil }
            return String(decoding: buffer[..<count], as: UTF8.self)
        }
    }

    private func write(_ text: String, _ client: TLSSession) throws {
        try Array(text.utf8).withUnsafeBytes { try client.seal($0) }
    }

    @Test
    func `new keys in the middle of a connection are taken up, and ours follow`() async throws {
        let authority = try await TestCertificates.make()
        let server = Server(try await authority.make("server", for: "IP:127.0.0.1"))
        var settings = AMQPTLS()
        settings.authoritiesFile = authority.authority.certificate
        let client = try TLSContext(settings).makeSession(host: "127.0.0.1")
        for _ in 0..<4 where try !client.shakeHands() { server.exchange(with: client) }
        #expect(try client.shakeHands())
        server.exchange(with: client)
        #expect(try read(client) == nil)
        #expect(SSL_key_update(server.session, SSL_KEY_UPDATE_REQUESTED) == 1)
        server.write("after the new keys")
        server.exchange(with: client)
        #expect(try read(client) == "after the new keys")
        try write("with mine", client)
        server.exchange(with: client)
        #expect(server.read() == "with mine")
    }
}
