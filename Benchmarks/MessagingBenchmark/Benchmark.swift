internal import AMQP
internal import LocalNetwork
internal import Wire

/// The rounds: in each, every program does every piece of work once, one program after the other.
struct Benchmark {
    private static let user = "benchmark"
    private static let messages = 40_000
    private static let questions = 2_000

    private let options: Options
    private let peers: [Peer]

    init(_ options: Options) throws {
        self.options = options
        peers = try Peer.all(options)
    }

    func run() async throws -> Figures {
        guard let folder = options.folder else { throw Failure("--folder says where the node lives meanwhile") }
        let node = try await PrivateRabbitMQ.start(directory: folder, definitions: Self.definitions.bytes)
        do {
            let figures = try await run(on: node)
            await node.stop()
            return figures
        } catch {
            await node.stop()
            throw error
        }
    }

    private func run(on node: PrivateRabbitMQ) async throws -> Figures {
        let version = try await node.control(["eval", "list_to_binary(rabbit_misc:version())."])
        var figures = Figures(
            rabbitMQ: version.filter { $0.isNumber || $0 == "." }, peers: peers.map(\.name), rounds: options.rounds)
        let configuration = try AMQPConfiguration(uri: node.uri(user: Self.user, password: Self.user, vhost: "/"))
        try await withAMQPConnection(configuration) { connection in
            // The first round warms everything up, and does not count.
            for round in 0...options.rounds {
                MessagingBenchmark.complain(round == 0 ? "warming up" : "round \(round) of \(options.rounds)")
                // Another begins each time, so that a machine that gets slower is nobody's advantage.
                let turn = peers.indices.map { peers[($0 + round) % peers.count] }
                for measure in options.measures {
                    for peer in turn {
                        let result = try await self.measure(
                            measure, peer, on: node, over: connection, percent: round == 0 ? 10 : 100)
                        if round > 0 { figures.add(result, measure, peer.name) }
                    }
                }
            }
        }
        return figures
    }

    private func measure(
        _ measure: Measure, _ peer: Peer, on node: PrivateRabbitMQ, over connection: AMQPConnection, percent: Int
    ) async throws -> JSON {
        let place = Place(port: node.port, user: Self.user, password: Self.user, queue: measure.rawValue)
        let usual = measure == .ask ? Self.questions : Self.messages
        let full = max(100, usual * options.scale * percent / 10_000)
        let count = max(100, full * peer.share / 100)
        try await connection.purgeQueue(measure.rawValue)
        switch measure {
        case .publish: return try await peer.run(.publish, place, count: count)
        case .consume:
            // The same for all, since RabbitMQ's speed depends on how much there is.
            try await fill(measure.rawValue, full, over: connection)
            return try await peer.run(.consume, place, count: count)
        case .ask: return try await peer.answering(place) { try await peer.run(.ask, place, count: count) }
        }
    }

    private func fill(_ queue: String, _ count: Int, over connection: AMQPConnection) async throws {
        let message = AMQPMessage(
            exchange: "", routingKey: queue,
            properties: AMQPProperties(
                contentType: "application/json", isPersistent: true, messageID: "a3d0c5c2-6d3e-4b6f-9a51-0d7f3f2b8c11"),
            body: [UInt8](repeating: UInt8(ascii: "x"), count: 1024))
        for outcome in await connection.publish(Array(repeating: message, count: count)) {
            if let error = outcome.error { throw error }
        }
    }

    private static var definitions: JSON {
        let vhost: JSON = "/"
        func exchange(_ name: String) -> JSON {
            [
                "name": .string(name), "vhost": vhost, "type": "topic", "durable": true, "auto_delete": false,
                "arguments": [:],
            ]
        }
        return [
            "vhosts": [["name": vhost]],
            "users": [["name": .string(user), "password": .string(user), "tags": ""]],
            "permissions": [
                ["user": .string(user), "vhost": vhost, "configure": ".*", "write": ".*", "read": ".*"]
            ],
            "exchanges": [exchange("commands"), exchange("replies")],
            "queues": .array(
                Measure.allCases.map {
                    [
                        "name": .string($0.rawValue), "vhost": vhost, "durable": true, "auto_delete": false,
                        "arguments": ["x-queue-type": "quorum"],
                    ]
                }),
            "bindings": [
                [
                    "source": "commands", "vhost": vhost, "destination": .string(Measure.ask.rawValue),
                    "destination_type": "queue", "routing_key": .string(Measure.ask.rawValue), "arguments": [:],
                ]
            ],
        ]
    }
}
