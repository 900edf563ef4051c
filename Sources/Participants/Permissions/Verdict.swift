package import Wire

/// The answer to a question, with its reason.
package struct Verdict: Sendable, Hashable {
    package var isAuthorised: Bool
    /// In words, for the person who asked.
    package var reason: String
    /// The name of the rule that decided; nil where none says anything and the default, to deny, holds.
    package var rule: String?
    /// The name of the policy.
    package var policy: String

    /// The body of `srcnet.permission.v1`.
    package var json: JSON {
        .object(compacting: [
            "authorised": .bool(isAuthorised), "reason": .string(reason), "policy": .string(policy),
            "rule": rule.map(JSON.string),
        ])
    }
}
