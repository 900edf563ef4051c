internal import AMQP
package import Wire

extension Topology {
    /// The virtual host where nothing else is said (contract.md, Exchanges).
    package static let defaultVirtualHost = "execbus"

    /// The users of all participants, with the passwords that are given for their names.
    package func participantUsers(password: (String) -> String? = { _ in nil }) -> [BrokerUser] {
        participants.map { .participant($0, in: self, password: password($0.description)) }
    }

    /// Everything as RabbitMQ's definitions: what `load_definitions`, `rabbitmqctl import_definitions` and
    /// `POST /api/definitions` read, in RabbitMQ 3.10 and 4.
    ///
    /// Users without a password get an empty hash, with which nobody can log in.
    package func definitions(users: [BrokerUser], virtualHost: String = defaultVirtualHost) -> JSON {
        let vhost = JSON.string(virtualHost)
        return [
            "vhosts": [["name": vhost]],
            "users": .array(users.map(\.definition)),
            "permissions": .array(users.map { $0.permission(vhost) }),
            "topic_permissions": .array(users.flatMap { $0.topicPermissions(vhost) }),
            "policies": [Self.guestQueues(vhost)],
            "exchanges": .array(exchanges.map { $0.definition(vhost) }),
            "queues": .array(queues.map { $0.definition(vhost) }),
            "bindings": .array(bindings.map { $0.definition(vhost) }),
        ]
    }

    /// Outside clients make queues as they like: what they forget goes away, and none fills the disk.
    private static func guestQueues(_ vhost: JSON) -> JSON {
        [
            "name": "client-queues", "vhost": vhost, "pattern": "^client\\.", "apply-to": "queues", "priority": 0,
            "definition": [
                "expires": 86_400_000, "message-ttl": 86_400_000, "max-length": 100_000, "overflow": "drop-head",
            ],
        ]
    }
}

extension BrokerUser {
    fileprivate var definition: JSON {
        [
            "name": .string(name),
            "password_hash": .string(password.map { PasswordHash($0).description } ?? ""),
            "hashing_algorithm": .string(PasswordHash.algorithm),
            "tags": isAdministrator ? "administrator,impersonator" : "",
            "limits": connectionLimit.map { ["max-connections": .int(Int64($0))] } ?? [:],
        ]
    }

    fileprivate func permission(_ vhost: JSON) -> JSON {
        [
            "user": .string(name), "vhost": vhost, "configure": .string(rights.configure),
            "write": .string(rights.write), "read": .string(rights.read),
        ]
    }

    fileprivate func topicPermissions(_ vhost: JSON) -> [JSON] {
        rights.topics.map { topic in
            [
                "user": .string(name), "vhost": vhost, "exchange": .string(topic.exchange),
                "write": .string(topic.write), "read": .string(topic.read),
            ]
        }
    }
}

extension AMQPExchange {
    func definition(_ vhost: JSON) -> JSON {
        [
            "name": .string(name), "vhost": vhost, "type": .string(kind), "durable": .bool(isDurable),
            "auto_delete": .bool(isAutoDelete), "internal": .bool(isInternal), "arguments": JSON(arguments),
        ]
    }
}

extension AMQPQueue {
    func definition(_ vhost: JSON) -> JSON {
        [
            "name": .string(name), "vhost": vhost, "durable": .bool(isDurable), "auto_delete": .bool(isAutoDelete),
            "arguments": JSON(arguments),
        ]
    }
}

extension AMQPBinding {
    func definition(_ vhost: JSON) -> JSON {
        [
            "source": .string(exchange), "vhost": vhost, "destination": .string(queue), "destination_type": "queue",
            "routing_key": .string(routingKey), "arguments": JSON(arguments),
        ]
    }
}

extension JSON {
    /// Arguments as definitions have them.
    init(_ arguments: [String: AMQPValue]) { self = .object(arguments.mapValues(JSON.init(argument:))) }

    private init(argument: AMQPValue) {
        self =
            switch argument {
            case .bool(let value): .bool(value)
            case .int(let value): .int(value)
            case .double(let value): .double(value)
            case .string(let value): .string(value)
            case .array(let values): .array(values.map(JSON.init(argument:)))
            case .table(let values): JSON(values)
            case .timestamp(let seconds): .int(Int64(clamping: seconds))
            // No argument of a queue, an exchange or a binding is of these kinds.
            case .bytes, .decimal, .void: .null
            }
    }
}
