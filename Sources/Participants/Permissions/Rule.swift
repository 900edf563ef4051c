internal import MessageBus
internal import Wire

/// One rule of a policy: who may, or may not, do what to what and where.
package struct Rule: Sendable, Hashable {
    package enum Effect: String, Sendable, Hashable, CaseIterable {
        case allow, deny
    }

    /// Whom a rule is about.
    package enum Who: Sendable, Hashable {
        /// Everybody who has an identity.
        case everybody
        /// The members of the groups, and these users.
        case these(users: Set<Identity>, groups: Set<String>)
    }

    /// What answers call it; unique in its policy.
    package var name: String
    package var effect: Effect
    package var who: Who
    package var actions: [Pattern]
    package var resources: [Pattern]
    /// nil: wherever it is, also where no site is named. Otherwise it says nothing of questions that name no site.
    package var sites: [Pattern]?
    /// Words for people who are denied by it.
    package var reason: String?

    /// Whether it says anything about a question.
    package func applies(to question: Question, groups: Set<String>) -> Bool {
        let isAbout =
            switch who {
            case .everybody: true
            case .these(let users, let named):
                users.contains(Identity(question.subject)) || !named.isDisjoint(with: groups)
            }
        guard isAbout, actions.contains(where: { $0.matches(question.action) }),
            resources.contains(where: { $0.matches(question.resource) })
        else { return false }
        guard let sites else { return true }
        return question.site.map { site in sites.contains { $0.matches(site.description) } } ?? false
    }
}

/// A person or program: the pair that owners are compared by (contract.md, "Who asks").
package struct Identity: Sendable, Hashable {
    package let iss: String
    package let sub: String

    package init(iss: String, sub: String) {
        self.iss = iss
        self.sub = sub
    }

    init(_ caller: Caller) { self.init(iss: caller.iss, sub: caller.sub) }
}
