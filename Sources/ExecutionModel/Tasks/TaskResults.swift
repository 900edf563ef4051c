public import Wire

/// What a task of `prepare-data` made: `{files, bytes, linked}`.
public struct PreparedData: Sendable, Hashable {
    /// Files that are in place.
    public var files: Int64
    /// Their bytes.
    public var bytes: Int64
    /// How many of the files lay at this site already and were linked, not copied.
    public var linked: Int64

    public init(files: Int64, bytes: Int64, linked: Int64) {
        self.files = files
        self.bytes = bytes
        self.linked = linked
    }

    public var json: JSON { ["files": .int(files), "bytes": .int(bytes), "linked": .int(linked)] }
}

/// What a task of `canfar` made: for the broker alone, since URL and token open the session.
public struct StartedSession: Sendable, Hashable {
    /// Answers over HTTP as it stands, its token included.
    public var url: String
    /// The token by itself.
    public var token: String
    public var kind: ExecutableKind
    /// What of the asked limits is not enforced here, and why, in words: nothing is dropped in silence.
    public var unlimited: [String]

    public init(url: String, token: String, kind: ExecutableKind, unlimited: [String] = []) {
        self.url = url
        self.token = token
        self.kind = kind
        self.unlimited = unlimited
    }

    public var json: JSON {
        [
            "url": .string(url), "token": .string(token), "kind": .string(kind.rawValue),
            "unlimited": .array(unlimited.map(JSON.string)),
        ]
    }

    /// Reads the result of a task; nil where it is none of a session.
    public init?(_ json: JSON?) {
        guard let json, let url = json["url"]?.string, let token = json["token"]?.string,
            let kind = json["kind"]?.string.flatMap(ExecutableKind.init(rawValue:))
        else { return nil }
        self.init(
            url: url, token: token, kind: kind, unlimited: (json["unlimited"]?.array ?? []).compactMap(\.string))
    }
}
