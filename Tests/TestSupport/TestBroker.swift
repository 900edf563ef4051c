package import LocalNetwork
internal import Topology
internal import Wire

/// The RabbitMQ node that all tests of the process share. It is started by the first that asks, and ends with the process.
package struct TestBroker: Sendable {
    /// May do everything in every virtual host.
    package static let user = "admin"
    package static let password = "admin"

    package let node: PrivateRabbitMQ

    /// The shared node.
    package static var shared: TestBroker { get async throws { try await starting.value } }

    private static let starting = Task {
        let node = try await PrivateRabbitMQ.start(
            directory: try await TemporaryFolder.make(), definitions: definitions(of: VirtualHosts.batch(0)).bytes)
        return TestBroker(node: node)
    }

    /// The URI of a virtual host for the user who may do everything.
    package func uri(_ virtualHost: String) -> String {
        node.uri(user: TestBroker.user, password: TestBroker.password, vhost: virtualHost)
    }

    /// The name of a virtual host that nothing has used before.
    package func makeVirtualHost() async throws -> String {
        try await TestBroker.virtualHosts.take(from: self)
    }

    private static let virtualHosts = VirtualHosts()

    fileprivate static func definitions(of virtualHosts: [String]) -> JSON {
        [
            "users": [
                [
                    "name": .string(user), "password_hash": .string(PasswordHash(password).description),
                    "hashing_algorithm": .string(PasswordHash.algorithm), "tags": "administrator",
                ]
            ],
            "vhosts": .array(virtualHosts.map { ["name": .string($0)] }),
            "permissions": .array(
                virtualHosts.map {
                    ["user": .string(user), "vhost": .string($0), "configure": ".*", "write": ".*", "read": ".*"]
                }),
        ]
    }
}

/// Virtual hosts made forty at a time: `rabbitmqctl` takes more than a second for one, and not much more for many.
private actor VirtualHosts {
    private var batches = 1
    private var free = VirtualHosts.batch(0)
    private var making: Task<Void, any Error>?

    static func batch(_ number: Int) -> [String] { (number * 40..<(number + 1) * 40).map { "test-\($0)" } }

    func take(from broker: TestBroker) async throws -> String {
        while true {
            if let name = free.popLast() { return name }
            let making = self.making ?? Task { try await makeMore(on: broker) }
            self.making = making
            try await making.value
        }
    }

    private func makeMore(on broker: TestBroker) async throws {
        defer { making = nil }
        let names = VirtualHosts.batch(batches)
        batches += 1
        try await withTemporaryFolder { folder in
            let file = "\(folder)/definitions.json"
            try PrivateFile.write(TestBroker.definitions(of: names).bytes, to: file)
            try await broker.node.control(["import_definitions", file])
        }
        free += names
    }
}

/// Gives the URI of a virtual host that nothing has used before, on the shared node, for a user who may do everything.
package func withVirtualHost<Value>(_ body: (_ uri: String) async throws -> Value) async throws -> Value {
    let broker = try await TestBroker.shared
    return try await body(broker.uri(try await broker.makeVirtualHost()))
}
