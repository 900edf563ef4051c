/// What a user of RabbitMQ may do in the virtual host (rabbitmq.com/docs/access-control).
///
/// Every pattern is anchored: RabbitMQ searches for a pattern anywhere in a name.
package struct Rights: Sendable, Hashable {
    /// The names of exchanges and queues that it may make and delete.
    package var configure: String
    /// The names that it may publish to, or bind a queue of.
    package var write: String
    /// The names that it may consume, or bind a queue to.
    package var read: String
    /// What is allowed of routing keys, by topic exchange. An exchange that is not named here has no such limit.
    package var topics: [Topic]

    /// The limits on one topic exchange.
    package struct Topic: Sendable, Hashable {
        package let exchange: String
        /// The routing keys that may be published.
        package let write: String
        /// The binding keys that a queue may be bound with.
        package let read: String
    }

    /// Matches nothing that has a name.
    static let nothing = "^$"

    /// A pattern that matches these texts and no others.
    static func exactly(_ texts: some Sequence<String>) -> String {
        alternatives(texts.map(escaped))
    }

    /// A pattern that matches what one of these patterns matches as a whole.
    static func alternatives(_ patterns: some Sequence<String>) -> String {
        let patterns = Array(patterns)
        return patterns.isEmpty ? nothing : "^(\(patterns.joined(separator: "|")))$"
    }

    /// A text as a pattern. Names here have letters, digits, `-` and `.` only.
    static func escaped(_ text: String) -> String { text.split(separator: ".").joined(separator: "\\.") }
}
