extension AMQPConfiguration {
    /// Reads `amqp://user:password@host:port/vhost?heartbeat=15`, or `amqps://…` for TLS.
    ///
    /// Several endpoints are separated by commas. User, password and virtual host are percent-decoded; `/` is written
    /// `%2f`. Absent: `guest`, `guest`, port 5672 (with TLS 5671), virtual host `/`. Parameters, by the names of
    /// RabbitMQ's own URI where it has one:
    ///
    /// - `heartbeat` in seconds (0: none), `connection_timeout` in milliseconds, `connection_name`;
    /// - `publish_window`, `max_unsent_bytes`, `confirm_timeout` in milliseconds: how far publishers may be ahead;
    /// - `auth_mechanism`: `plain`, or `external` for the user of the client certificate;
    /// - with TLS `cacertfile`, `certfile`, `keyfile`, `password` (of the key), `verify` (`verify_peer`, which is also
    ///   what is done where it is absent, or `verify_none`), `server_name_indication`.
    public init(uri: String) throws(AMQPError) {
        var rest = Substring(uri)
        guard let scheme = rest.firstRange(of: "://") else {
            throw .uri("it must begin with amqp:// or amqps://, as in amqp://user:password@host:5672/vhost")
        }
        var tls: AMQPTLS?
        switch rest[..<scheme.lowerBound].lowercased() {
        case "amqp": break
        case "amqps": tls = AMQPTLS()
        case let other: throw .uri("the scheme \(other) is not known; use amqp:// or amqps://")
        }
        rest = rest[scheme.upperBound...]
        if rest.contains("#") { throw .uri("a fragment (#) has no meaning here; write %23 for a # in a name") }

        let query = Self.split(&rest, at: "?")
        let path = Self.split(&rest, at: "/")
        var user = "guest"
        var password = "guest"
        if let at = rest.lastIndex(of: "@") {
            var credentials = rest[..<at]
            rest = rest[rest.index(after: at)...]
            let secret = Self.split(&credentials, at: ":")
            user = try Self.decode(credentials, "user")
            password = try secret.map { text throws(AMQPError) in try Self.decode(text, "password") } ?? ""
            if user.isEmpty { throw .uri("the user is empty") }
        }
        var endpoints: [Endpoint] = []
        for part in rest.split(separator: ",", omittingEmptySubsequences: false) {
            endpoints.append(try Self.endpoint(part, usualPort: tls == nil ? 5672 : 5671))
        }
        let virtualHost = try path.map { text throws(AMQPError) in try Self.virtualHost(text) } ?? "/"
        self.init(endpoints: endpoints, virtualHost: virtualHost, user: user, password: password)
        self.tls = tls
        for parameter in query?.split(separator: "&") ?? [] { try apply(parameter) }
        if authentication == .certificate, self.tls?.certificateFile == nil {
            throw .uri("auth_mechanism=external needs amqps:// and a certfile")
        }
    }

    private mutating func apply(_ parameter: Substring) throws(AMQPError) {
        var name = parameter
        let text = try Self.decode(Self.split(&name, at: "=") ?? "", String(name))
        switch name {
        case "heartbeat":
            guard let seconds = UInt16(text) else { throw .uri("heartbeat must be seconds from 0 to 65535") }
            heartbeat = .seconds(Int(seconds))
        case "connection_timeout": connectTimeout = .milliseconds(try Self.count(text, name))
        case "confirm_timeout": confirmTimeout = .milliseconds(try Self.count(text, name))
        case "publish_window": publishWindow = try Self.count(text, name)
        case "max_unsent_bytes": maxUnsentBytes = try Self.count(text, name)
        case "connection_name": connectionName = text
        case "auth_mechanism":
            switch text.lowercased() {
            case "plain": authentication = .password
            case "external": authentication = .certificate
            default: throw .uri("auth_mechanism is plain or external")
            }
        case "cacertfile", "certfile", "keyfile", "password", "verify", "server_name_indication":
            guard tls != nil else { throw .uri("\(name) is of TLS, so the address must begin with amqps://") }
            if text.isEmpty { throw .uri("\(name) is empty") }
            try applySecurity(name, text)
        default:
            throw .uri(
                "the parameter \(name) is not known; there are heartbeat, connection_timeout, connection_name, "
                    + "publish_window, max_unsent_bytes, confirm_timeout, auth_mechanism, cacertfile, certfile, keyfile, "
                    + "password, verify, server_name_indication")
        }
    }

    private mutating func applySecurity(_ name: Substring, _ text: String) throws(AMQPError) {
        switch name {
        case "cacertfile": tls?.authoritiesFile = text
        case "certfile": tls?.certificateFile = text
        case "keyfile": tls?.keyFile = text
        case "password": tls?.keyPassword = text
        case "server_name_indication": tls?.serverName = text
        default:
            switch text {
            case "verify_peer": tls?.verifiesBroker = true
            case "verify_none": tls?.verifiesBroker = false
            default: throw .uri("verify is verify_peer or verify_none")
            }
        }
    }

    /// A number above 0.
    private static func count(_ text: String, _ name: Substring) throws(AMQPError) -> Int {
        guard let number = UInt32(text), number > 0 else { throw .uri("\(name) must be a number above 0") }
        return Int(number)
    }

    private static func virtualHost(_ path: Substring) throws(AMQPError) -> String {
        if path.contains("/") { throw .uri("the virtual host contains a /; write it as %2f") }
        let name = try decode(path, "virtual host")
        if name.utf8.count > 255 { throw .uri("the virtual host is longer than 255 bytes") }
        return name.isEmpty ? "/" : name
    }

    private static func endpoint(_ text: Substring, usualPort: UInt16) throws(AMQPError) -> Endpoint {
        var host = text
        var port: Substring?
        if text.first == "[" {
            guard let end = text.firstIndex(of: "]") else { throw .uri("the IPv6 address has no closing ]") }
            host = text[text.index(after: text.startIndex)..<end]
            let after = text[text.index(after: end)...]
            if !after.isEmpty {
                guard after.first == ":" else { throw .uri("\(after) after the IPv6 address is not a port") }
                port = after.dropFirst()
            }
        } else {
            port = split(&host, at: ":")
        }
        if host.isEmpty { throw .uri("the host is missing") }
        guard let port else { return Endpoint(host: String(host), port: usualPort) }
        guard let number = UInt16(port), number > 0 else { throw .uri("the port \(port) is not a number up to 65535") }
        return Endpoint(host: String(host), port: number)
    }

    /// Cuts `text` before the first separator and gives what follows it.
    private static func split(_ text: inout Substring, at separator: Character) -> Substring? {
        guard let index = text.firstIndex(of: separator) else { return nil }
        let tail = text[text.index(after: index)...]
        text = text[..<index]
        return tail
    }

    private static func decode(_ text: Substring, _ part: String) throws(AMQPError) -> String {
        var bytes: [UInt8] = []
        var source = text.utf8.makeIterator()
        while let byte = source.next() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = source.next(), let low = source.next(),
                let upper = Character(UnicodeScalar(high)).hexDigitValue,
                let lower = Character(UnicodeScalar(low)).hexDigitValue
            else { throw .uri("the \(part) has a % without two hexadecimal digits; write %25 for a %") }
            bytes.append(UInt8(upper << 4 | lower))
        }
        // C libraries take their strings up to the first zero byte.
        guard !bytes.contains(0), let decoded = String(validating: bytes, as: UTF8.self) else {
            throw .uri("the \(part) is not valid UTF-8 text")
        }
        return decoded
    }
}

extension AMQPError {
    /// The message never repeats the address: it may hold a password.
    fileprivate static func uri(_ what: String) -> AMQPError {
        AMQPError(.invalidURI, "the RabbitMQ address cannot be used: \(what)")
    }
}
