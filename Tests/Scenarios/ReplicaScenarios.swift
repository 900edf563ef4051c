import AMQP
import FoundationEssentials
import Glibc
import LocalNetwork
import MessageBus
import Processes
import Synchronization
import TestSupport
import Testing
import Wire

extension Scenarios {
    /// Several workers of one participant on one PostgreSQL server.
    @Suite struct Replicas {
        @Test func `two workers share a participant, and killing the one that leads loses and repeats nothing`()
            async throws
        {
            let broker = try await withNetwork { $0 }
            try await withTemporaryFolder { folder in
                let server = try await TestPostgreSQL.shared
                let policy = folder + "/policy.json"
                try PrivateFile.write(
                    Array(#"{"policy": "p", "services": [], "users": [], "rules": []}"#.utf8), to: policy)
                let first = try await Self.start("1", server.uri, broker, folder, policy)
                let second = try await Self.start("2", server.uri, broker, folder, policy)
                try await BusClient.with(AMQPConfiguration(uri: broker.uri("anna"))) { client in
                    let created = EventCounter()
                    let (ready, isReady) = AsyncStream.makeStream(of: Void.self)
                    let hearing = Task {
                        try await client.hear(["workstep.#"], ready: { isReady.finish() }) { event in
                            created.add(event)
                            return true
                        }
                    }
                    for await _ in ready {}
                    defer { hearing.cancel() }
                    let uuids = try await withThrowingTaskGroup(of: String?.self) { group in
                        for number in 0..<120 {
                            if number == 60 { kill(first.pid, SIGKILL) }
                            group.addTask {
                                try await client.request(
                                    "srcnet.workstep.create.v1", of: "workstep-editor", ["from": "empty"],
                                    patience: .seconds(60)
                                ).body["uuid"]?.string
                            }
                        }
                        return try await group.reduce(into: []) { $0.append($1) }
                    }
                    #expect(Set(uuids.compactMap { $0 }).count == 120, "each command has one answer of its own")
                    #expect(await eventually { created.subjects.count >= 120 })
                    #expect(Set(created.subjects) == Set(uuids.compactMap { $0 }), "one event for each, and no more")
                    // Whoever is left answers for what the other one did.
                    for uuid in uuids.compactMap({ $0 }) {
                        let answer = try await client.request(
                            "srcnet.workstep.get.v1", of: "workstep-editor", ["uuid": .string(uuid)],
                            patience: .seconds(30))
                        #expect(answer.body["uuid"]?.string == uuid)
                    }
                }
                let status = await second.terminate(grace: .seconds(20))
                #expect(status == .exited(0))
                _ = await first.wait()
            }
        }

        private static func start(
            _ instance: String, _ store: String, _ broker: TestNetwork, _ folder: String, _ policy: String
        ) async throws -> ChildProcess {
            let isReady = Atomic(false)
            var settings = ProcessSettings(
                try ScenarioNetwork.program(),
                ["worker", "workstep-editor", "--instance", instance, "--store", store, "--policy", policy],
                environment: Execbus.clean)
            settings.environment?["EXECBUS_AMQP"] = broker.uri("workstep-editor")
            settings.output = .handler { bytes in
                if String(decoding: bytes, as: UTF8.self).contains("ready") {
                    isReady.store(true, ordering: .releasing)
                }
            }
            settings.errors = .file(folder + "/log.\(instance)")
            settings.isKilledWithParent = true
            let worker = try await ChildProcess.spawn(settings)
            let log = { String(decoding: PrivateFile.read(folder + "/log.\(instance)") ?? [], as: UTF8.self) }
            try #require(await eventually { isReady.load(ordering: .acquiring) }, "\(log())")
            return worker
        }
    }
}

/// The subjects of the events that came, each message once however often it came.
private final class EventCounter: Sendable {
    private let seen = Mutex<[String: String]>([:])

    var subjects: [String] { seen.withLock { Array($0.values) } }

    func add(_ event: ReceivedMessage) {
        guard let id = event.id, let subject = event.subject else { return }
        seen.withLock { $0[id] = subject }
    }
}
