import AMQP
import FoundationEssentials
import Processes
import Testing
import Wire

@testable import Topology

private enum Python {
    static func run(_ program: String, _ arguments: [String] = []) async throws -> RunResult {
        try await Processes.run(ProcessSettings("python3", ["-c", program] + arguments), deadline: .seconds(60))
    }

    static func readsYAML() async -> Bool {
        (try? await run("import yaml"))?.status.isSuccess ?? false
    }
}

/// The files beside the code that say the same as the code, for programs that read no Swift.
@Suite(.enabled("python3 with its module yaml is missing") { await Python.readsYAML() })
struct FilesTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..").standardized

    /// A YAML file as JSON.
    private func read(_ path: String) async throws -> JSON {
        let program = "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1])), default=str))"
        let result = try await Python.run(program, [Self.root.appending(path: path).path])
        return try JSON(parsing: try result.checked().output)
    }

    private func references(in json: JSON) -> [String] {
        switch json {
        case .object(let members):
            members.flatMap { key, value in
                key == "$ref" ? [value.string ?? "a reference that is no text"] : references(in: value)
            }
        case .array(let elements): elements.flatMap(references)
        default: []
        }
    }

    /// What a reference within a document points to. No name in ours needs JSON pointer's escapes.
    private func target(of reference: String, in document: JSON) -> JSON? {
        guard reference.hasPrefix("#/") else { return nil }
        return reference.dropFirst(2).split(separator: "/").reduce(document) { $0?[String($1)] }
    }

    @Test func `every reference within the AsyncAPI document leads somewhere`() async throws {
        let document = try await read("topology/asyncapi.yaml")
        let references = references(in: document)
        #expect(references.count > 100)
        for reference in references { #expect(target(of: reference, in: document) != nil, "\(reference)") }
    }

    @Test func `the channels are the exchanges and queues that there are`() async throws {
        let document = try await read("topology/asyncapi.yaml")
        let topology = Topology(sites: DefinitionsTests.example)
        var exchanges: Set<String> = []
        for (name, channel) in document["channels"]?.object ?? [:] {
            let binding = channel["bindings"]?["amqp"]
            if let queue = binding?["queue"] {
                #expect(topology.queues.map(\.name).contains(queue["name"]?.string ?? ""), "\(name)")
            } else {
                let exchange = binding?["exchange"]
                let described = topology.exchanges.first { $0.name == exchange?["name"]?.string }
                #expect(described?.kind == exchange?["type"]?.string, "\(name)")
                exchanges.insert(described?.name ?? "")
            }
        }
        // Those that carry a participant's or a client's messages; the others are the bus's own.
        #expect(exchanges == ["commands", "offers", "replies", "events", "heartbeats", "callbacks"])
    }

    @Test func `every participant has a channel for its commands`() async throws {
        let channels = try await read("topology/asyncapi.yaml")["channels"]?.object ?? [:]
        let addresses = Set(
            channels.values.filter { $0["bindings"]?["amqp"]?["exchange"]?["name"] == "commands" }
                .compactMap { $0["address"]?.string })
        #expect(addresses == Set(ParticipantName.allCases.map { $0.isAtSite ? "\($0).{site}" : $0.rawValue }))
    }

    @Test func `every message that a channel has is of a type of the contract, with a schema`() async throws {
        let messages = try await read("topology/asyncapi.yaml")["components"]?["messages"]?.object ?? [:]
        let source = Self.root.appending(path: "Sources/ExecutionModel/MessageType.swift")
        let known = String(decoding: try Data(contentsOf: source), as: UTF8.self)
        #expect(messages.count > 40)
        for (name, message) in messages {
            let type = try #require(message["name"]?.string)
            #expect(known.contains("\"\(type)\""), "\(name)")
            #expect(message["payload"] != nil, "\(name)")
        }
        #expect(Set(messages.values.compactMap { $0["name"]?.string }).count == messages.count)
    }

    @Test func `the compose file starts RabbitMQ 4 on the loopback address with definitions`() async throws {
        let compose = try await read("docker-compose.yml")
        let service = try #require(compose["services"]?["rabbitmq"])
        #expect(service["image"]?.string?.hasPrefix("rabbitmq:4") == true)
        #expect(service["ports"] == ["127.0.0.1:5672:5672"])
        let target = try #require(service["volumes"]?[0]?["target"]?.string)
        #expect(compose["configs"]?["conf"]?["content"]?.string?.contains("load_definitions = \(target)\n") == true)
        #expect(compose["volumes"]?.object?.keys.contains("data") == true)
    }

    @Test func `passwords are put into definitions so that RabbitMQ can check them`() async throws {
        let program = """
            import subprocess, sys
            run = subprocess.run([sys.executable, sys.argv[1]], stdin=open(sys.argv[2]), capture_output=True, check=True)
            sys.stdout.buffer.write(run.stdout)
            sys.stderr.buffer.write(run.stderr)
            """
        let result = try await Python.run(
            program, ["topology/passwords.py", "topology/definitions.json"].map { Self.root.appending(path: $0).path }
        ).checked()
        let users = try JSON(parsing: result.output)["users"]?.array ?? []
        let lines = result.errorText.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        #expect(users.count == lines.count)
        for (user, line) in zip(users, lines) {
            #expect(user["name"]?.string == line.first)
            let hash = try #require(user["password_hash"]?.string)
            let bytes = try #require(Data(base64Encoded: hash))
            #expect(PasswordHash(try #require(line.last), salt: Array(bytes.prefix(4))).description == hash)
        }
    }
}
