extension AMQPConfiguration {
    /// Reads `amqp://user:password@host:port/vhost?heartbeat=15`.
    ///
    /// Several endpoints are separated by commas. User, password and virtual host are percent-decoded; `/` is written
    /// `%2f`. Absent: `guest`, `guest`, port 5672, virtual host `/`. Parameters: `heartbeat` in seconds (0: none),
    /// `connection_timeout` in milliseconds, `connection_name`. `amqps` is refused.
    public init(uri: String) throws(AMQPError) {
        var rest = Substring(uri)
        guard let scheme = rest.firstRange(of: "://") else {
            throw .uri("it must begin with amqp://, as in amqp://user:password@host:5672/vhost")
        }
        switch rest[..<scheme.lowerBound].lowercased() {
        case "amqp": break
        case "amqps": throw .uri("amqps (TLS) is not supported yet; use amqp:// on a trusted network")
        case let other: throw .uri("the scheme \(other) is not known; use amqp://")
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
            endpoints.append(try Self.endpoint(part))
        }
        let virtualHost = try path.map { text throws(AMQPError) in try Self.virtualHost(text) } ?? "/"
        self.init(endpoints: endpoints, virtualHost: virtualHost, user: user, password: password)
        for parameter in query?.split(separator: "&") ?? [] { try apply(parameter) }
    }

    private mutating func apply(_ parameter: Substring) throws(AMQPError) {
        var name = parameter
        let text = Self.split(&name, at: "=") ?? ""
        switch name {
        case "heartbeat":
            guard let seconds = UInt16(text) else { throw .uri("heartbeat must be seconds from 0 to 65535") }
            heartbeat = .seconds(Int(seconds))
        case "connection_timeout":
            guard let milliseconds = UInt32(text), milliseconds > 0 else {
                throw .uri("connection_timeout must be milliseconds above 0")
            }
            connectTimeout = .milliseconds(Int(milliseconds))
        case "connection_name":
            connectionName = try Self.decode(text, "connection_name")
        default:
            throw .uri("the parameter \(name) is not known; there are heartbeat, connection_timeout, connection_name")
        }
    }

    private static func virtualHost(_ path: Substring) throws(AMQPError) -> String {
        if path.contains("/") { throw .uri("the virtual host contains a /; write it as %2f") }
        let name = try decode(path, "virtual host")
        if name.utf8.count > 255 { throw .uri("the virtual host is longer than 255 bytes") }
        return name.isEmpty ? "/" : name
    }

    private static func endpoint(_ text: Substring) throws(AMQPError) -> Endpoint {
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
        guard let port else { return Endpoint(host: String(host)) }
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
        // The C library takes its strings up to the first zero byte.
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
