import AMQP
import Testing

@Suite("The broker's address")
struct URITests {
    @Test
    func `every part is read and decoded`() throws {
        let configuration = try AMQPConfiguration(
            uri: "amqp://us%40er:p%3Aa%2Fss@[::1]:5673,example.org/my%2fhost?heartbeat=7&connection_name=a%20b")
        #expect(configuration.user == "us@er")
        #expect(configuration.password == "p:a/ss")
        #expect(configuration.endpoints == [.init(host: "::1", port: 5673), .init(host: "example.org")])
        #expect(configuration.virtualHost == "my/host")
        #expect(configuration.heartbeat == .seconds(7))
        #expect(configuration.connectionName == "a b")
    }

    @Test(arguments: ["amqp://h", "amqp://h/", "amqp://h/%2f", "AMQP://h:5672"])
    func `what is absent has its default`(uri: String) throws {
        let configuration = try AMQPConfiguration(uri: uri)
        #expect(configuration.user == "guest")
        #expect(configuration.virtualHost == "/")
        #expect(configuration.endpoints == [.init(host: "h", port: 5672)])
    }

    @Test(arguments: [
        ("localhost", "amqp://"), ("http://h", "http"), ("amqps://h?verify=perhaps", "verify"),
        ("amqp://h?cacertfile=/ca.pem", "amqps"),
        ("amqps://h?certfile=", "certfile"), ("amqps://h?auth_mechanism=external", "certfile"),
        ("amqp://h?auth_mechanism=guess", "auth_mechanism"), ("amqp://h?publish_window=0", "publish_window"),
        ("amqp://", "host"),
        ("amqp://h:0", "port"), ("amqp://h:x", "port"), ("amqp://h:99999", "port"), ("amqp://[::1", "]"),
        ("amqp://h/a/b", "%2f"), ("amqp://u:%zz@h", "password"), ("amqp://u:%00@h", "password"),
        ("amqp://:p@h", "user"), ("amqp://h?heartbeat=-1", "heartbeat"), ("amqp://h?colour=red", "colour"),
        ("amqp://h?connection_timeout=0", "connection_timeout"), ("amqp://h/#x", "#"), ("amqp://a,,b", "host"),
    ])
    func `what is wrong is named, and the password is not`(uri: String, named: String) throws {
        let error = #expect(throws: AMQPError.self) { try AMQPConfiguration(uri: uri) }
        #expect(error?.code == .invalidURI)
        #expect(error?.message.contains(named) == true, "\(error?.message ?? "")")
    }

    @Test
    func `TLS is configured by the names of RabbitMQ's own address`() throws {
        let configuration = try AMQPConfiguration(
            uri: "amqps://u@a,b:5673/v?cacertfile=/etc/a%20b/ca.pem&certfile=/c.pem&keyfile=/k.pem&password=p%26q"
                + "&verify=verify_none&server_name_indication=rabbit.example&auth_mechanism=external")
        #expect(configuration.endpoints == [.init(host: "a", port: 5671), .init(host: "b", port: 5673)])
        var tls = AMQPTLS()
        tls.authoritiesFile = "/etc/a b/ca.pem"
        tls.certificateFile = "/c.pem"
        tls.keyFile = "/k.pem"
        tls.keyPassword = "p&q"
        tls.verifiesBroker = false
        tls.serverName = "rabbit.example"
        #expect(configuration.tls == tls)
        #expect(configuration.authentication == .certificate)
        #expect("\(configuration)" == "amqps://u@a:5671,b:5673/v")
        #expect(try AMQPConfiguration(uri: "amqps://h").tls == AMQPTLS())
        #expect(try AMQPConfiguration(uri: "amqp://h?auth_mechanism=PLAIN").tls == nil)
    }

    @Test
    func `the limits of publishers are configured too`() throws {
        let configuration = try AMQPConfiguration(
            uri: "amqp://h?publish_window=50&max_unsent_bytes=1000000&confirm_timeout=2500")
        #expect(configuration.publishWindow == 50)
        #expect(configuration.maxUnsentBytes == 1_000_000)
        #expect(configuration.confirmTimeout == .milliseconds(2500))
    }

    @Test
    func `a configuration can be logged`() throws {
        let configuration = try AMQPConfiguration(uri: "amqp://me:hidden@h/v")
        #expect("\(configuration)" == "amqp://me@h:5672/v")
    }
}
