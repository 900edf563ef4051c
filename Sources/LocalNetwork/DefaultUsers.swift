internal import Wire

/// The people of a network of `execbus up`: one who may do everything, and one for each way of being refused.
package enum DefaultUsers {
    /// The group of those who only hear.
    static let readers = "readers"
    /// The one who may ask every participant.
    package static let operatorName = "operator"
    /// The group of those who run the network.
    static let operators = "operators"

    /// Who they are, with the passwords of an earlier start where there was one: a client that knows its own goes on with
    /// it. They are written into the folder.
    package static func make(keepingPasswordsIn folder: NetworkFolder) throws(LocalNetworkError)
        -> [NetworkDescription.User]
    {
        let earlier = PrivateFile.read(folder.passwords).flatMap { try? JSON(parsing: $0) }
        var users: [NetworkDescription.User] = []
        for (name, group, may) in [
            ("alice", "astronomers", "do everything"),
            ("bob", "guests", "do everything but submit: denied when the request comes"),
            ("carol", "students", "submit, but not accept: denied when the offer is accepted"),
            ("dave", readers, "hear events only; RabbitMQ itself refuses the rest"),
            (operatorName, operators, "administrate RabbitMQ: every queue, parked messages among them"),
        ] {
            let password = earlier?[name]?.string ?? Secret.make()
            users.append(.init(name: name, password: password, groups: [group], may: may))
        }
        let passwords = users.map { ($0.name, JSON.string($0.password)) }
        let json = JSON.object(Dictionary(uniqueKeysWithValues: passwords))
        try PrivateFile.write(Array((json.prettyText + "\n").utf8), to: folder.passwords)
        return users
    }
}

/// The policy that a network of `execbus up` begins with.
enum DefaultPolicy {
    static func json(users: [NetworkDescription.User], services: [String]) -> JSON {
        [
            "policy": "local-network-1",
            "services": .array(services.map(JSON.string)),
            "users": .array(
                users.map { ["sub": .string($0.name), "groups": .array($0.groups.map(JSON.string))] }),
            "rules": [
                [
                    "name": "astronomers-may-all", "effect": "allow", "who": ["groups": ["astronomers"]],
                    "actions": ["*"],
                ],
                [
                    "name": "worksteps-for-all", "effect": "allow", "who": ["groups": ["guests", "students"]],
                    "actions": ["workstep.*", "session.*"],
                ],
                [
                    "name": "guests-do-not-submit", "effect": "deny", "who": ["groups": ["guests"]],
                    "actions": ["workstep.submit"], "reason": "guests have no allocation",
                ],
                [
                    "name": "students-do-not-accept", "effect": "deny", "who": ["groups": ["students"]],
                    "actions": ["session.accept"], "reason": "a supervisor has to accept the offer",
                ],
            ],
        ]
    }
}
