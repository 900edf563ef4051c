public import Wire

/// Where an answer goes that is given later: whatever the participant needs to answer, which the machines keep with
/// their state and never look into.
public struct Asker: Sendable, Hashable, Codable {
    /// The participant's own words: the reply key, the correlation id, the question's id.
    public let reference: JSON

    public init(_ reference: JSON) { self.reference = reference }
}
