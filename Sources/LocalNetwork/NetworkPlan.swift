package import Topology
package import Wire

/// Who takes part in a private network, with which passwords, and what its RabbitMQ has to have for them.
package struct NetworkPlan: Sendable {
    package let participants: [ParticipantAddress]
    /// The passwords of the participants' users, made anew at each start and known to their processes alone.
    package let passwords: [String: String]
    /// For RabbitMQ's `load_definitions`.
    package let definitions: JSON

    package init(sites: [SiteName], users: [NetworkDescription.User]) throws(LocalNetworkError) {
        let topology = Topology(sites: sites)
        participants = topology.participants
        let passwords = Dictionary(
            uniqueKeysWithValues: topology.participants.map { ($0.description, Secret.make()) })
        self.passwords = passwords
        var brokerUsers = topology.participantUsers { passwords[$0] }
        for user in users {
            guard let brokerUser = Self.brokerUser(user) else {
                throw LocalNetworkError(.invalid, "\(user.name) cannot be a user's name")
            }
            brokerUsers.append(brokerUser)
        }
        definitions = topology.definitions(users: brokerUsers)
    }

    private static func brokerUser(_ user: NetworkDescription.User) -> BrokerUser? {
        switch user.groups {
        case [DefaultUsers.operators]: .administrator(user.name, password: user.password)
        case [DefaultUsers.readers]: .outside(user.name, .reader, password: user.password)
        default: .outside(user.name, .submitter, password: user.password)
        }
    }

    /// The addresses of the participants.
    package var addresses: [String] { participants.map(\.description) }
}
