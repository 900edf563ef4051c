public import Wire

/// The UUID of one kind of thing, so that a session's is never taken for a task's.
///
/// It is kept in its canonical form, in lower case: two that differ in case alone are the same.
public struct Identifier<Subject>: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The UUID as it stands on the wire.
    public let description: String

    /// nil where the text is no UUID.
    public init?(_ text: String) {
        guard isUUID(text) else { return nil }
        description = text.lowercased()
    }

    /// A fresh one from a source of UUIDs: decisions draw no random numbers themselves.
    public static func new(from source: () -> String) throws(Problem) -> Identifier {
        let text = source()
        guard let id = Identifier(text) else { throw Problem(.internalFault, "the source of ids gave \(text)") }
        return id
    }

    public static func < (left: Identifier, right: Identifier) -> Bool { left.description < right.description }
}

extension Identifier: Codable, CodingKeyRepresentable {
    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let value = Identifier(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a UUID")
        }
        self = value
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }

    public var codingKey: any CodingKey { Key(stringValue: description) }
    public init?(codingKey: some CodingKey) { self.init(codingKey.stringValue) }
}

/// What an `Identifier` can be the UUID of.
public enum Identified {
    public enum Session {}
    public enum OfferSet {}
    public enum Task {}
    public enum Claim {}
    public enum Workstep {}
    public enum Component {}
}

/// An offer and the session that it becomes are one thing with one UUID, from offer to end.
public typealias SessionID = Identifier<Identified.Session>
/// The set of the offers that answer one submission.
public typealias OfferSetID = Identifier<Identified.OfferSet>
/// One preparation at one participant.
public typealias TaskID = Identifier<Identified.Task>
/// One attempt to accept an offer (contract.md, "Accepting, in this order").
public typealias ClaimID = Identifier<Identified.Claim>
public typealias WorkstepID = Identifier<Identified.Workstep>
/// A part of a session: its executable, its compute, one of its data.
public typealias ComponentID = Identifier<Identified.Component>

extension JSONReader {
    /// A UUID as the identifier of something.
    public func identifier<Subject>(
        _ key: String, of type: Identifier<Subject>.Type = Identifier<Subject>.self, required: Bool = false
    ) -> Identifier<Subject>? {
        uuid(key, required: required).flatMap(Identifier<Subject>.init)
    }
}
