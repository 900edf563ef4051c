public import Wire

/// Who asks for something (contract.md, Envelope, "Who asks"). Owners are compared by `iss` and `sub`.
public struct Caller: Sendable, Hashable, Codable {
    /// Who vouches for the subject. `urn:srcnet:rabbitmq` where RabbitMQ checked the connection's user.
    public let iss: String
    /// The subject, such as a user's name.
    public let sub: String
    /// The groups that came with the identity. Those that a policy adds are known to `permissions` alone.
    public let groups: [String]

    public init(iss: String = Caller.rabbitMQ, sub: String, groups: [String] = []) {
        self.iss = iss
        self.sub = sub
        self.groups = groups
    }

    /// The issuer of identities that are RabbitMQ users.
    public static let rabbitMQ = "urn:srcnet:rabbitmq"

    /// Whether both are the same person or program, whatever their groups.
    public func isSame(as other: Caller) -> Bool { iss == other.iss && sub == other.sub }

    /// The form of the header `on_behalf_of` and of the subject of a permission check.
    public var json: JSON {
        ["iss": .string(iss), "sub": .string(sub), "groups": .array(groups.map(JSON.string))]
    }

    /// Reads that form; nil where it names no one.
    public init?(_ json: JSON) {
        guard let iss = json["iss"]?.string, let sub = json["sub"]?.string, !iss.isEmpty, !sub.isEmpty else {
            return nil
        }
        self.init(iss: iss, sub: sub, groups: (json["groups"]?.array ?? []).compactMap(\.string))
    }
}
