public import Wire

/// How a session is reached. Its location carries the session's token: it is for the owner's eyes alone.
public struct Connector: Sendable, Hashable, Codable {
    /// What is there, such as `urn:jupyter-notebook`.
    public var kind: String
    /// `HTTP`, `HTTPS` or `TCP`.
    public var protocolName: String
    /// A URL that answers as it stands.
    public var location: String

    public init(kind: String, protocolName: String, location: String) {
        self.kind = kind
        self.protocolName = protocolName
        self.location = location
    }

    /// The form of the execution broker, `{kind, status, protocol, location}`; only what can be used is ever shown.
    public var json: JSON {
        [
            "kind": .string(kind), "status": "AVAILABLE", "protocol": .string(protocolName),
            "location": .string(location),
        ]
    }

    /// How a session that has started is reached.
    init(_ session: StartedSession) {
        let kind =
            switch session.kind {
            case .jupyterNotebook: "urn:jupyter-notebook"
            case .visualisation, .terminal, .dockerContainer, .singularityContainer:
                "urn:srcnet:connector:\(session.kind.rawValue)"
            }
        let isSecure = session.url.lowercased().hasPrefix("https:")
        self.init(kind: kind, protocolName: isSecure ? "HTTPS" : "HTTP", location: session.url)
    }
}
