package import MessageBus

/// Which user or group may do what, and where. What no rule allows is denied, and a rule that denies wins over all that
/// allow. The form of its file is described at `Policy.init(reading:file:)`.
package struct Policy: Sendable, Hashable {
    /// What answers call it.
    package var name: String
    /// The users of RabbitMQ whose `on_behalf_of` is believed: those of all participants.
    package var services: Set<String>
    /// The groups of those whom the policy knows.
    package var users: [Identity: Set<String>]
    package var rules: [Rule]

    /// Decides.
    package func verdict(on question: Question) -> Verdict {
        let groups = groups(of: question.subject)
        let applying = rules.filter { $0.applies(to: question, groups: groups) }
        if let denying = applying.first(where: { $0.effect == .deny }) {
            let why = denying.reason.map { ": \($0)" } ?? ""
            return Verdict(
                isAuthorised: false, reason: "rule \(denying.name) does not allow \(question.words)\(why)",
                rule: denying.name, policy: name)
        }
        if let allowing = applying.first {
            return Verdict(
                isAuthorised: true, reason: "rule \(allowing.name) allows \(question.words)", rule: allowing.name,
                policy: name)
        }
        return Verdict(
            isAuthorised: false, reason: "no rule allows \(question.words)", rule: nil, policy: name)
    }

    /// Whether a user of RabbitMQ may ask about a subject: services about everybody, everybody about himself.
    package func mayAsk(_ sender: String, _ asker: Caller, about subject: Caller) -> Bool {
        services.contains(sender) || asker.isSame(as: subject)
    }

    /// The groups of a subject. An identity that RabbitMQ vouches for has those of the policy only (contract.md, "Who
    /// asks"); what another issuer says of groups is added to them.
    private func groups(of subject: Caller) -> Set<String> {
        let known = users[Identity(subject)] ?? []
        return subject.iss == Caller.rabbitMQ ? known : known.union(subject.groups)
    }
}
