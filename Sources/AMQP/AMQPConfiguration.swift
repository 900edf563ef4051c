/// Where the broker is and how to talk to it. Everything but the address has a default.
public struct AMQPConfiguration: Sendable, Hashable {
    /// One address of the broker.
    public struct Endpoint: Sendable, Hashable, CustomStringConvertible {
        public var host: String
        public var port: UInt16

        public init(host: String, port: UInt16 = 5672) {
            self.host = host
            self.port = port
        }

        public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
    }

    /// How the broker learns who connects.
    public enum Authentication: Sendable, Hashable {
        /// By user and password.
        case password
        /// By the client certificate; RabbitMQ's plug-in `rabbitmq_auth_mechanism_ssl` reads the user from it.
        case certificate
    }

    /// Tried in random order, until one takes the connection.
    public var endpoints: [Endpoint]
    public var virtualHost: String
    public var user: String
    public var password: String
    /// `nil`: everything, the password too, goes over the network as it is.
    public var tls: AMQPTLS?
    public var authentication = Authentication.password
    /// Proposed to the broker; the lower of both is used. A peer silent for twice as long is given up.
    public var heartbeat: Duration = .seconds(15)
    /// Shown by the broker's tools; say which program this is.
    public var connectionName: String = ""
    /// The largest frame proposed to the broker, in bytes.
    public var maxFrameBytes: Int = 131_072
    /// Messages that may be under way without a confirm; further publishers wait.
    public var publishWindow: Int = 1000
    /// Bytes that may wait for the socket; further publishers wait.
    public var maxUnsentBytes: Int = 16 << 20
    /// The largest body sent, in bytes. Arriving ones are bounded by what the broker takes (512 MiB at most).
    public var maxBodyBytes: Int = 128 << 20
    /// The first pause before a reconnect; doubled with each try up to the cap, of which a random half is waited.
    public var reconnectBase: Duration = .milliseconds(200)
    public var reconnectCap: Duration = .seconds(15)
    /// For name, connection and login of one endpoint together.
    public var connectTimeout: Duration = .seconds(10)
    /// From the call of `publish` to the broker's confirm.
    public var confirmTimeout: Duration = .seconds(30)
    /// For an answer to a declaration and the like.
    public var requestTimeout: Duration = .seconds(15)
    /// How long a consumer whose queue is missing tries to take it up again before it ends.
    public var consumerRecoveryTimeout: Duration = .seconds(60)

    /// A configuration for one endpoint or several of one cluster.
    public init(
        endpoints: [Endpoint], virtualHost: String = "/", user: String = "guest", password: String = "guest"
    ) {
        self.endpoints = endpoints
        self.virtualHost = virtualHost
        self.user = user
        self.password = password
    }
}

extension AMQPConfiguration: CustomStringConvertible {
    /// Without the password, so that it may be logged.
    public var description: String {
        "\(tls == nil ? "amqp" : "amqps")://\(user)@\(endpoints.map(\.description).joined(separator: ","))/\(virtualHost)"
    }
}
