import FoundationEssentials
import Glibc
import LocalNetwork
import Processes
import TestSupport
import Testing
import Topology
import Wire

extension Scenarios {
    /// A worker and a command on a RabbitMQ that is secured, is full, or hangs.
    @Suite struct Connections {
        /// A node of its own with everything that the topology says.
        private static func withBroker(_ body: (PrivateRabbitMQ) async throws -> Void) async throws {
            let topology = Topology(sites: ["ral"].compactMap(SiteName.init))
            let person = BrokerUser.administrator("anna", password: "anna")
            let definitions = topology.definitions(users: topology.participantUsers { $0 } + [person])
            try await withTemporaryFolder { folder in
                let node = try await PrivateRabbitMQ.start(
                    directory: folder + "/rabbitmq", definitions: definitions.bytes)
                do {
                    try await body(node)
                } catch {
                    await node.stop()
                    throw error
                }
                await node.stop()
            }
        }

        /// Runs the participant `permissions` at an address.
        private static func withWorker(_ amqp: String, _ body: (LongCommand) async throws -> Void) async throws {
            try await withTemporaryFolder { folder in
                let policy = folder + "/policy.json"
                try PrivateFile.write(
                    Array(#"{"policy": "p", "services": [], "users": [], "rules": []}"#.utf8), to: policy)
                var environment = Execbus.clean
                environment["EXECBUS_AMQP"] = amqp
                let worker = try await LongCommand(
                    ProcessSettings(
                        try ScenarioNetwork.program(),
                        ["worker", "permissions", "--policy", policy, "--store", folder + "/store.sqlite"],
                        environment: environment))
                do {
                    try await body(worker)
                } catch {
                    await worker.process.kill()
                    throw error
                }
                await worker.process.kill()
            }
        }

        private static func ping(_ amqp: String) async throws -> RunResult {
            try await Execbus.run(["ping", "permissions"], environment: ["EXECBUS_AMQP": amqp])
        }

        @Test func `over TLS with client certificates, and without passwords`() async throws {
            try await Self.withBroker { node in
                let authority = try await TestCertificates.make()
                let trusted = authority.authority.certificate
                let server = try await authority.make("rabbit", for: "DNS:localhost")
                let port = try await node.listenForTLS(server, clients: trusted)
                try await node.admitCertificates()
                func address(_ user: String, trusting file: String = trusted) async throws -> String {
                    let identity = try await authority.make(user)
                    return "amqps://\(user)@localhost:\(port)/execbus?auth_mechanism=external&cacertfile=\(file)"
                        + "&certfile=\(identity.certificate)&keyfile=\(identity.key)"
                }
                let anna = try await address("anna")
                try await Self.withWorker(address("permissions")) { worker in
                    let isReady = await eventually { worker.lines.contains("ready") }
                    try #require(isReady, "\(worker.complaints)")
                    let answer = try await Self.ping(anna)
                    #expect(answer.status == .exited(0), "\(answer.outputText) \(worker.complaints)")
                }
                let strange = try await TestCertificates.make(authority: "Strange Authority")
                try await Self.ping(address("anna", trusting: strange.authority.certificate))
                    .expectRefused(7, "localhost:\(port)", "not trusted here", "Test Authority", "cacertfile")
                try await Self.ping(anna.replacing("localhost", with: "127.0.0.1"))
                    .expectRefused(7, "is not for 127.0.0.1 but for DNS:localhost")
                try await Self.ping("amqps://anna:anna@localhost:\(port)/execbus?cacertfile=\(trusted)")
                    .expectRefused(7, "asks for a client certificate", "certfile")
            }
        }

        @Test func `an alarm is told once, a frozen node is found out, and both times the worker goes on`() async throws
        {
            try await Self.withBroker { node in
                func address(_ user: String) -> String {
                    node.uri(user: user, password: user, vhost: Topology.defaultVirtualHost) + "?heartbeat=1"
                }
                try await Self.withWorker(address("permissions")) { worker in
                    func says(_ words: String) -> Int { worker.complaints.count { $0.contains(words) } }
                    #expect(await eventually { worker.lines.contains("ready") }, "\(worker.complaints)")

                    try await node.control(["set_disk_free_limit", "999999GB"])
                    // RabbitMQ tells who publishes; a worker does, by its heartbeats.
                    #expect(await eventually { says("RabbitMQ takes no messages now (low on disk)") == 1 })
                    #expect(worker.process.status == nil)
                    try await node.control(["set_disk_free_limit", "50MB"])
                    #expect(await eventually { says("RabbitMQ takes messages again") == 1 })
                    #expect(says("RabbitMQ takes no messages now") == 1)
                    #expect(try await Self.ping(address("anna")).status == .exited(0))

                    let text = try await node.control(["eval", "list_to_integer(os:getpid())."])
                    let pid = try #require(Int32(text.filter(\.isNumber)))
                    kill(pid, SIGSTOP)
                    let isLost = await eventually { says("for two heartbeats") > 0 }
                    kill(pid, SIGCONT)
                    #expect(isLost, "\(worker.complaints)")
                    #expect(await eventually { says("serves permissions again") == 1 }, "\(worker.complaints)")
                    #expect(try await Self.ping(address("anna")).status == .exited(0))
                }
            }
        }
    }
}
