public import Wire

/// Something that a person should know, with a kind for programs (`messages` of the execution broker).
public struct Notice: Sendable, Hashable, Codable {
    public enum Level: String, Sendable, Hashable, Codable, CaseIterable {
        case debug = "DEBUG"
        case info = "INFO"
        case warn = "WARN"
        case error = "ERROR"
    }

    public var kind: NoticeKind
    public var level: Level
    public var time: Timestamp
    /// The sentence, with `{name}` where a value goes (messagetemplates.org).
    public var template: String
    /// What goes there; `path` says which part of the request it is about.
    public var values: [String: String]

    public init(
        _ kind: NoticeKind, _ template: String, values: [String: String] = [:], path: String? = nil,
        level: Level = .warn, at time: Timestamp
    ) {
        self.kind = kind
        self.level = level
        self.time = time
        self.template = template
        self.values = values
        if let path { self.values["path"] = path }
    }

    /// The sentence.
    public var text: String {
        var text = ""
        var rest = Substring(template)
        while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
            let name = String(rest[rest.index(after: open)..<close])
            text += rest[..<open] + (values[name] ?? "{\(name)}")
            rest = rest[rest.index(after: close)...]
        }
        return text + rest
    }

    public var json: JSON {
        [
            "kind": .string(kind.rawValue), "level": .string(level.rawValue), "time": .string(time.description),
            "template": .string(template), "values": .object(values.mapValues { .string($0) }),
            "message": .string(text),
        ]
    }
}

/// What a message is about; those of the standard in one scheme, and our own.
public struct NoticeKind: RawRepresentable, Sendable, Hashable, Codable {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
    private init(_ rawValue: String) { self.rawValue = rawValue }

    /// More than the site has at all.
    public static let resourceLimit = NoticeKind("urn:resource-limit")
    /// The site cannot do this kind of thing.
    public static let notSupported = NoticeKind("urn:not-supported")
    /// Data or an image that nobody has.
    public static let resourceNotFound = NoticeKind("urn:resource-not-found")
    /// The image is not the one with this digest.
    public static let imageDigestMismatch = NoticeKind("urn:image-digest-mismatch")
    /// Something of the request is wrong.
    public static let invalidValue = NoticeKind("urn:invalid-value")
    /// Everything is taken for the whole window.
    public static let noCapacity = NoticeKind("urn:srcnet:reason:no-capacity")
    /// It cannot be prepared by then.
    public static let windowTooEarly = NoticeKind("urn:srcnet:reason:window-too-early")
    /// The user has too many open offersets (contract.md, Limits).
    public static let quota = NoticeKind("urn:srcnet:reason:quota")
    /// A participant that the site needs does not answer.
    public static let unavailable = NoticeKind("urn:srcnet:reason:unavailable")
    /// Why a session has failed.
    public static let sessionFailed = NoticeKind("urn:srcnet:reason:session-failed")
    /// Why a session has ended.
    public static let sessionEnded = NoticeKind("urn:srcnet:reason:session-ended")
    /// The site may not be used by who asks.
    public static let notAuthorised = NoticeKind("urn:srcnet:reason:not-authorised")
}
