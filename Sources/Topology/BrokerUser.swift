internal import Wire

/// A user of RabbitMQ.
package struct BrokerUser: Sendable, Hashable {
    /// What somebody outside the network may do.
    package enum Profile: String, Sendable, Hashable, CaseIterable {
        /// Everything that a user may: asks `global-execution`, `workstep-editor` and the brokers, gets answers and
        /// callbacks, hears events. Whether what it asks for is done is for the participants to decide.
        case submitter
        /// Hears events, heartbeats and the history, and sends nothing: RabbitMQ cannot tell a question from a command,
        /// since both have the same exchange and key.
        case reader
    }

    package let name: String
    /// nil for one that cannot log in until it is given a password.
    package var password: String?
    package let rights: Rights
    /// Whether it may administrate the node, with `rabbitmqctl`'s reach.
    package let isAdministrator: Bool
    /// How many connections it may have at a time, or nil for any number.
    package let connectionLimit: Int?

    /// The operator: makes and changes everything, and may publish in a participant's name, as a replay of parked messages
    /// does (RabbitMQ's tag `impersonator`; rabbitmq.com/docs/validated-user-id). It could give itself the tag anyway.
    package static func administrator(_ name: String = "admin", password: String?) -> BrokerUser {
        BrokerUser(
            name: name, password: password, rights: Rights(configure: ".*", write: ".*", read: ".*", topics: []),
            isAdministrator: true, connectionLimit: nil)
    }

    /// A participant of a network of these sites.
    package static func participant(
        _ participant: ParticipantAddress, in topology: Topology, password: String?
    ) -> BrokerUser {
        BrokerUser(
            name: participant.description, password: password,
            rights: Rights(of: participant, sites: topology.sites), isAdministrator: false, connectionLimit: nil)
    }

    /// Somebody outside the network. nil where the name is no user's name (contract.md: `[a-z0-9-]{1,64}`), or that of a
    /// participant, which would let its bearer speak for it.
    package static func outside(_ name: String, _ profile: Profile, password: String?) -> BrokerUser? {
        guard isName(name, upTo: 64), ParticipantName(rawValue: name) == nil else { return nil }
        return BrokerUser(
            name: name, password: password, rights: Rights(of: profile, name), isAdministrator: false,
            connectionLimit: 20)
    }
}

extension Rights {
    init(of profile: BrokerUser.Profile, _ user: String) {
        // Its own queues, which it declares, binds and reads under its own name only.
        let own = "client\\.\(user)\\.[A-Za-z0-9._-]+"
        let toBind = ["events", "heartbeats"] + (profile == .submitter ? ["replies", "callbacks"] : [])
        // What is sent to a user has its name in the key, so that nobody can bind a queue to another's.
        var topics = ["replies", "callbacks"].filter(toBind.contains).map {
            Topic(exchange: $0, write: Rights.nothing, read: "^client\\.\(user)\\..+$")
        }
        var write = [own]
        if profile == .submitter {
            write.append("commands")
            topics.append(
                Topic(
                    exchange: "commands",
                    write: "^(global-execution|workstep-editor|execution-broker\\.[a-z0-9-]{1,32})$",
                    read: Rights.nothing))
        }
        self.init(
            configure: Rights.alternatives([own]), write: Rights.alternatives(write),
            read: Rights.alternatives([own, "history"] + toBind), topics: topics)
    }
}
