import AMQP
import LocalNetwork
import TestSupport
import Testing

@Suite("TLS", .timeLimit(.minutes(4)))
struct TLSTests {
    /// What all tests share: an authority, what it has signed, and ports of the shared node.
    private struct Fixture: Sendable {
        let ours: TestCertificates
        let strangers: TestCertificates
        let client: TestCertificates.Identity
        let ports: [Port: UInt16]
    }

    /// The ports of the node, each with a certificate and rules of its own.
    enum Port: Sendable {
        /// With a certificate for localhost and 127.0.0.1.
        case usual, old
        case elsewhere, expired
        /// Clients must show a certificate, with TLS 1.3 and with 1.2.
        case mutual, mutualOld
    }

    private static let making = Task {
        let ours = try await TestCertificates.make()
        let server = try await ours.make("server", for: "DNS:localhost,IP:127.0.0.1")
        let elsewhere = try await ours.make("elsewhere", for: "DNS:broker.example,DNS:*.rabbit.example")
        let expired = try await ours.make("expired", for: "IP:127.0.0.1", days: -1)
        let broker = try await TestBroker.shared.node
        let trusted = ours.authority.certificate
        return Fixture(
            ours: ours, strangers: try await TestCertificates.make(authority: "Strange Authority"),
            client: try await ours.make(TestBroker.user),
            ports: [
                .usual: try await broker.listenForTLS(server),
                .old: try await broker.listenForTLS(server, versions: ["tlsv1.2"]),
                .elsewhere: try await broker.listenForTLS(elsewhere),
                .expired: try await broker.listenForTLS(expired),
                .mutual: try await broker.listenForTLS(server, clients: trusted, versions: ["tlsv1.3"]),
                .mutualOld: try await broker.listenForTLS(server, clients: trusted, versions: ["tlsv1.2"]),
            ])
    }

    private typealias Adjustment = (inout AMQPConfiguration, inout AMQPTLS, Fixture) -> Void

    private func withTLS(
        _ port: Port, host: String = "127.0.0.1", _ adjust: Adjustment = { _, _, _ in },
        body: (AMQPConnection) async throws -> Void
    ) async throws {
        let fixture = try await Self.making.value
        try await withVirtualHost { uri in
            var configuration = try AMQPConfiguration(uri: uri)
            configuration.endpoints = [.init(host: host, port: try #require(fixture.ports[port]))]
            configuration.reconnectBase = .milliseconds(20)
            configuration.reconnectCap = .milliseconds(200)
            var tls = AMQPTLS()
            tls.authoritiesFile = fixture.ours.authority.certificate
            adjust(&configuration, &tls, fixture)
            configuration.tls = tls
            try await withAMQPConnection(configuration) { try await body($0) }
        }
    }

    private func failure(
        _ port: Port, host: String = "127.0.0.1", _ adjust: Adjustment = { _, _, _ in }
    ) async -> AMQPError? {
        await amqpError { try await withTLS(port, host: host, adjust) { _ in } }
    }

    private func body(of size: Int) -> [UInt8] { (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) } }

    @Test(arguments: [Port.usual, .old])
    func `bodies of every size go both ways`(port: Port) async throws {
        try await withTLS(port) { connection in
            try await connection.makeQueue("q")
            let consumer = try await connection.consume(queues: ["q"], prefetch: 100)
            // Around the limits of a frame of AMQP and of a record of TLS.
            for size in [0, 1, 16_383, 16_384, 16_385, 131_063, 131_064, 131_065, 262_128, 5_000_000] {
                let body = body(of: size)
                try await connection.publish(AMQPMessage(exchange: "", routingKey: "q", body: body))
                #expect(try await consumer.take(1).map { $0.body == body } == [true], "\(size)")
            }
            // More than fits any buffer on the way, so that both sides must read while they write.
            let large = body(of: 300_000)
            async let outcomes = connection.publish(
                (0..<100).map { _ in AMQPMessage(exchange: "", routingKey: "q", body: large) })
            #expect(try await consumer.take(100).allSatisfy { $0.body == large })
            #expect(await outcomes.allSatisfy(\.isConfirmed))
            // Small ones, so that many lie in one record: none may stay behind in a buffer that poll does not see.
            let texts = (0..<20_000).map(String.init)
            async let sent: Void = connection.send(texts, to: "q")
            #expect(try await consumer.take(20_000).map(\.text) == texts)
            try await sent
            #expect(connection.statistics.reconnects == 0)
        }
    }

    @Test
    func `a host name is checked as well as an address`() async throws {
        try await withTLS(.usual, host: "localhost") { try await $0.makeQueue("q") }
    }

    @Test
    func `an authority that is not trusted is named, and what to do`() async throws {
        let error = await failure(.usual) { _, tls, fixture in
            tls.authoritiesFile = fixture.strangers.authority.certificate
        }
        #expect(error?.code == .untrusted)
        #expect(error?.message.contains("Test Authority") == true, "\(error?.message ?? "")")
        #expect(error?.message.contains("cacertfile") == true)
        let system = await failure(.usual) {
            $1.authoritiesFile = nil; _ = ($0, $2)
        }
        #expect(system?.code == .untrusted)
    }

    @Test
    func `a certificate for another host is refused, with the hosts that it is for`() async throws {
        let error = await failure(.elsewhere)
        #expect(error?.code == .untrusted)
        #expect(error?.message.contains("broker.example") == true, "\(error?.message ?? "")")
        #expect(error?.message.contains("127.0.0.1") == true)
        try await withTLS(.elsewhere) { _, tls, _ in
            tls.serverName = "broker.example"
        } body: { _ in
        }
        try await withTLS(.elsewhere) { _, tls, _ in
            tls.serverName = "one.rabbit.example"
        } body: { _ in
        }
        let deeper = await failure(.elsewhere) {
            $1.serverName = "two.one.rabbit.example"; _ = ($0, $2)
        }
        #expect(deeper?.code == .untrusted)
    }

    @Test
    func `an expired certificate is called that`() async throws {
        let error = await failure(.expired)
        #expect(error?.code == .untrusted)
        #expect(error?.message.contains("has expired") == true, "\(error?.message ?? "")")
    }

    @Test
    func `who asks for it may leave out verification`() async throws {
        try await withTLS(.expired) { _, tls, _ in
            tls.verifiesBroker = false
            tls.authoritiesFile = nil
        } body: { _ in
        }
    }

    @Test(arguments: [Port.mutual, .mutualOld])
    func `a broker that wants a certificate is given one, or says so`(
        port: Port
    ) async throws {
        let missing = await failure(port)
        #expect(missing?.code == .untrusted)
        #expect(missing?.message.contains("certfile") == true, "\(missing?.message ?? "")")
        let fixture = try await Self.making.value
        let stranger = try await fixture.strangers.make("stranger-\(port)")
        let refused = await failure(port) { _, tls, _ in
            tls.certificateFile = stranger.certificate
            tls.keyFile = stranger.key
        }
        #expect(refused?.code == .untrusted)
        #expect(refused?.message.contains("refuses our client certificate") == true, "\(refused?.message ?? "")")
        try await withTLS(port) { _, tls, fixture in
            tls.certificateFile = fixture.client.certificate
            tls.keyFile = fixture.client.key
        } body: {
            try await $0.makeQueue("q")
        }
    }

    @Test
    func `the certificate alone can say who connects`() async throws {
        let fixture = try await Self.making.value
        let broker = try await TestBroker.shared
        let early = await failure(.mutual) { configuration, tls, fixture in
            configuration.authentication = .certificate
            tls.certificateFile = fixture.client.certificate
            tls.keyFile = fixture.client.key
        }
        #expect(early?.code == .authenticationFailed)
        #expect(early?.message.contains("EXTERNAL") == true, "\(early?.message ?? "")")
        try await broker.node.admitCertificates()
        let nobody = try await fixture.ours.make("nobody")
        let unknown = await failure(.mutual) { configuration, tls, _ in
            configuration.authentication = .certificate
            tls.certificateFile = nobody.certificate
            tls.keyFile = nobody.key
        }
        #expect(unknown?.code == .authenticationFailed)
        #expect(unknown?.message.contains("our certificate") == true, "\(unknown?.message ?? "")")
        let secret = try await fixture.ours.encrypt(fixture.client.key, password: "öffne dich")
        try await withTLS(.mutual) { configuration, tls, fixture in
            configuration.authentication = .certificate
            configuration.password = "unused"
            tls.certificateFile = fixture.client.certificate
            tls.keyFile = secret
            tls.keyPassword = "öffne dich"
        } body: { connection in
            try await connection.makeQueue("q")
            // RabbitMQ refuses a user id that is not the connection's user.
            let properties = AMQPProperties(userID: TestBroker.user)
            try await connection.publish(AMQPMessage(exchange: "", routingKey: "q", properties: properties, body: []))
        }
        let locked = await failure(.mutual) { _, tls, fixture in
            tls.certificateFile = fixture.client.certificate
            tls.keyFile = secret
        }
        #expect(locked?.code == .untrusted)
        #expect(locked?.message.contains("keyfile") == true, "\(locked?.message ?? "")")
    }

    @Test
    func `files that cannot be used are named`() async throws {
        let authorities = await failure(.usual) {
            $1.authoritiesFile = "/nowhere/ca.pem"; _ = ($0, $2)
        }
        #expect(authorities?.code == .untrusted)
        #expect(authorities?.message.contains("/nowhere/ca.pem") == true, "\(authorities?.message ?? "")")
        let other = await failure(.usual) { _, tls, fixture in
            tls.certificateFile = fixture.client.certificate
            tls.keyFile = fixture.ours.authority.key
        }
        #expect(other?.code == .untrusted)
        #expect(other?.message.contains("key") == true, "\(other?.message ?? "")")
    }

    @Test
    func `a port with TLS and one without are told apart`() async throws {
        let broker = try await TestBroker.shared
        let plain = await failure(.usual) { configuration, _, _ in
            configuration.endpoints = [.init(host: "127.0.0.1", port: broker.node.port)]
        }
        #expect(plain?.code == .connectionRefused)
        #expect(plain?.message.contains("does not speak TLS") == true, "\(plain?.message ?? "")")
        let fixture = try await Self.making.value
        let secured = await amqpError {
            let uri = "amqp://\(TestBroker.user):\(TestBroker.password)@127.0.0.1:\(fixture.ports[.usual] ?? 0)/"
            try await withAMQPConnection(try AMQPConfiguration(uri: uri)) { _ in }
        }
        #expect(secured?.code == .connectionRefused)
        #expect(secured?.message.contains("amqps://") == true, "\(secured?.message ?? "")")
    }

    @Test
    func `what accepts and says nothing is given up in time`() async throws {
        let silent = try SilentServer()
        let error = await failure(.usual) { configuration, _, _ in
            configuration.endpoints = [.init(host: "127.0.0.1", port: silent.port)]
            configuration.connectTimeout = .milliseconds(200)
        }
        #expect(error?.code == .timeout)
    }

    @Test
    func `a connection cut in the middle of a record is made again, and nothing is lost`() async throws {
        let fixture = try await Self.making.value
        let proxy = try FaultProxy(to: fixture.ports[.usual] ?? 0)
        defer { proxy.stop() }
        try await withTLS(.usual) { configuration, _, _ in
            configuration.endpoints = [.init(host: "127.0.0.1", port: proxy.port)]
        } body: { connection in
            try await connection.declareQueue("q")
            for round in 0..<8 {
                proxy.cut(after: 2000 + 1777 * round)
                await connection.persist((0..<300).map { "\(round * 300 + $0)" }, to: "q")
            }
            #expect(connection.statistics.reconnects >= 4)
            let consumer = try await connection.consume(queues: ["q"], prefetch: 1000)
            var seen: Set<String> = []
            while seen.count < 2400 {
                let batch = try await consumer.next(until: soon)
                if batch.isEmpty { break }
                seen.formUnion(batch.settledTexts())
            }
            #expect(seen.count == 2400)
        }
    }

    @Test
    func `more than the socket takes is kept and sent in pieces, while reading goes on`() async throws {
        let fixture = try await Self.making.value
        let proxy = try FaultProxy(to: fixture.ports[.usual] ?? 0)
        defer { proxy.stop() }
        try await withTLS(.usual) { configuration, _, _ in
            configuration.endpoints = [.init(host: "127.0.0.1", port: proxy.port)]
            configuration.maxUnsentBytes = 64 << 20
        } body: { connection in
            try await connection.makeQueue("q")
            let consumer = try await connection.consume(queues: ["q"], prefetch: 1000)
            proxy.freeze()
            let body = body(of: 1 << 20)
            async let outcomes = connection.publish(
                (0..<24).map { _ in AMQPMessage(exchange: "", routingKey: "q", body: body) })
            #expect(await eventually { connection.statistics.published == 24 })
            proxy.thaw()
            #expect(try await consumer.take(24).allSatisfy { $0.body == body })
            #expect(await outcomes.allSatisfy(\.isConfirmed))
            #expect(connection.statistics.reconnects == 0)
        }
    }
}
