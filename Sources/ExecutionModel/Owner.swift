public import Wire

/// For whom something is done, as the permissions service knows them (contract.md, "Who asks").
public struct Owner: Sendable, Hashable, Codable {
    /// Who vouches for the name.
    public var iss: String
    public var sub: String
    public var groups: [String]

    public init(iss: String, sub: String, groups: [String] = []) {
        self.iss = iss
        self.sub = sub
        self.groups = groups
    }

    /// Whether both are one person: groups change, the pair does not.
    public func isSame(as other: Owner) -> Bool { iss == other.iss && sub == other.sub }

    /// `{iss, sub, groups}`.
    public var json: JSON {
        ["iss": .string(iss), "sub": .string(sub), "groups": .array(groups.map { .string($0) })]
    }

    /// Reads `{iss, sub, groups}`.
    public static func read(_ reader: JSONReader) -> Owner? {
        let iss = reader.text("iss", required: true)
        let sub = reader.text("sub", required: true)
        let groups = reader.strings("groups") ?? []
        guard let iss, let sub else { return nil }
        return Owner(iss: iss, sub: sub, groups: groups)
    }
}
