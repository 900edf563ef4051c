/// A site of the network: `[a-z0-9-]{1,32}`; `any` and `global` are reserved (contract.md, Queues).
public struct SiteName: Sendable, Hashable, Codable, Comparable, CustomStringConvertible {
    /// The name as it stands in routing keys.
    public let description: String

    /// nil where the text is no site's name.
    public init?(_ text: String) {
        guard isName(text, upTo: 32), text != "any", text != "global" else { return nil }
        description = text
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let value = SiteName(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a site's name")
        }
        self = value
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }

    public static func < (left: SiteName, right: SiteName) -> Bool { left.description < right.description }
}

/// The kinds of participants (contract.md, Participants) that this network has.
public enum ParticipantName: String, Sendable, Hashable, Codable, CaseIterable, CustomStringConvertible {
    case globalExecution = "global-execution"
    case permissions
    case workstepEditor = "workstep-editor"
    case executionBroker = "execution-broker"
    case prepareData = "prepare-data"
    case cavern
    case harbor
    case canfar

    public var description: String { rawValue }

    /// Whether there is one of it at each site, rather than one for the network.
    public var isAtSite: Bool {
        switch self {
        case .globalExecution, .permissions, .workstepEditor: false
        case .executionBroker, .prepareData, .cavern, .harbor, .canfar: true
        }
    }

    /// Its work queue, which is also its routing key on `commands` and `replies` and the name of its RabbitMQ user.
    public func address(at site: SiteName?) -> String {
        site.map { "\(rawValue).\($0)" } ?? rawValue
    }
}

/// Whether a text is 1 to `limit` characters of `[a-z0-9-]`: the form of sites' and users' names.
public func isName(_ text: String, upTo limit: Int) -> Bool {
    (1...limit).contains(text.utf8.count)
        && text.utf8.allSatisfy {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                || $0 == UInt8(ascii: "-")
        }
}

/// Whether a text is a UUID in its canonical form of 36 characters (RFC 9562, section 4).
public func isUUID(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    guard bytes.count == 36 else { return false }
    for (index, byte) in bytes.enumerated() {
        if [8, 13, 18, 23].contains(index) {
            guard byte == UInt8(ascii: "-") else { return false }
        } else {
            guard Character(UnicodeScalar(byte)).isHexDigit else { return false }
        }
    }
    return true
}

/// Whether a path is relative and stays below where it begins; each part is fit to be a file's name.
public func isRelativePath(_ path: String) -> Bool {
    path.utf8.count <= 4_096 && path.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f }
        && path.split(separator: "/", omittingEmptySubsequences: false).allSatisfy {
            !$0.isEmpty && $0 != "." && $0 != ".." && $0.utf8.count <= 255
        }
}
