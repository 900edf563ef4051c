package import LocalNetwork
package import Topology
package import Wire

/// A virtual host of the shared broker with everything that the description of the topology says, and its users, each
/// with its own name as password.
package struct TestNetwork: Sendable {
    package let topology: Topology
    package let users: [BrokerUser]
    package let virtualHost: String
    package let node: PrivateRabbitMQ

    /// The virtual host's URI for one of the users.
    package func uri(_ user: String) -> String { node.uri(user: user, password: user, vhost: virtualHost) }

    /// The virtual host's URI for a user who may do everything.
    package var administratorURI: String {
        node.uri(user: TestBroker.user, password: TestBroker.password, vhost: virtualHost)
    }

    /// What the broker says it has.
    package func export() async throws -> JSON {
        try await withTemporaryFolder { folder in
            try await node.control(["export_definitions", "\(folder)/export.json"])
            return try JSON(parsing: PrivateFile.read("\(folder)/export.json") ?? [])
        }
    }
}

/// Gives a network of these sites that nothing has used before, with outside users.
package func withNetwork<Value>(
    sites: [String] = ["caen", "ral"],
    outsiders: [(name: String, profile: BrokerUser.Profile)] = [("anna", .submitter), ("rita", .reader)],
    _ body: (TestNetwork) async throws -> Value
) async throws -> Value {
    let broker = try await TestBroker.shared
    let virtualHost = try await broker.makeVirtualHost()
    let topology = Topology(sites: sites.compactMap(SiteName.init))
    let users =
        topology.participantUsers { $0 }
        + outsiders.compactMap { BrokerUser.outside($0.name, $0.profile, password: $0.name) }
    try await withTemporaryFolder { folder in
        let file = "\(folder)/definitions.json"
        try PrivateFile.write(topology.definitions(users: users, virtualHost: virtualHost).bytes, to: file)
        try await broker.node.control(["import_definitions", file])
    }
    return try await body(
        TestNetwork(topology: topology, users: users, virtualHost: virtualHost, node: broker.node))
}
