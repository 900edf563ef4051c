import AMQP
import FoundationEssentials
import LocalNetwork
import MessageBus
import Processes
import Soak
import TestSupport
import Testing
import Wire

extension Scenarios {
    /// Messages that fail, and messages that end their worker, on a real RabbitMQ with real processes.
    @Suite struct Reliability {
        private static let editor = "workstep-editor"
        private static let edit = "srcnet.workstep.edit.v1"

        @Test func `what fails is tried again, parked, shown, and has its effect once when it is replayed`()
            async throws
        {
            let network = try await ScenarioNetwork.shared
            try await network.withClient { client in
                let uuid = try await workstep(client)
                let id = UUID().uuidString
                try await network.withFailing(Self.editor, Self.edit) {
                    try await expectInternal { try await self.edit(client, uuid, id) }
                    let came = await eventually {
                        (try? await parked(network, ["--queue", Self.editor]))?.contains { $0["id"]?.string == id }
                            == true
                    }
                    try #require(came)
                }
                // Looking at it changes nothing, however often.
                for _ in 1...3 {
                    let found = try await parked(
                        network, ["--queue", Self.editor, "--type", Self.edit, "--reason", "purpose", id])
                    try #require(found.count == 1)
                    #expect(found[0]["participant"]?.string == Self.editor)
                    #expect(found[0]["attempts"]?.int == Int64(ScenarioNetwork.retries + 1))
                    #expect(found[0]["reason"] == "internal: a fault on purpose")
                    #expect(found[0]["asker"] == "alice")
                    #expect(found[0]["exchange"] == "commands")
                    #expect(found[0]["key"]?.string == Self.editor)
                    let first = try #require(found[0]["firstFailed"]?.string.flatMap(Timestamp.init))
                    let last = try #require(found[0]["lastFailed"]?.string.flatMap(Timestamp.init))
                    #expect(last - first >= .seconds(ScenarioNetwork.retries))
                }
                #expect(try await parked(network, ["--since", "0s"]).isEmpty)
                #expect(try await parked(network, ["--type", "srcnet.other.v1"]).isEmpty)
                let whole = try await network.execbus(["parked", "show", id]).checked().outputText
                for word in [id, Self.edit, "a fault on purpose", "alice", "cloudEvents_specversion", uuid] {
                    #expect(whole.contains(word), "\(whole)")
                }

                #expect(try await revision(client, uuid) == 1)
                let told = try await network.execbus(["parked", "replay", id]).checked().outputText
                #expect(told == "replayed 1 message\n")
                #expect(await eventually { (try? await revision(client, uuid)) == 2 })
                try await network.execbus(["parked", "replay", id]).expectRefused(1, "no parked message has such an id")
                // Whoever sends it again gets the answer of the replay.
                let answer = try await edit(client, uuid, id)
                #expect(answer["revision"] == 2)
            }
        }

        @Test func `what is dropped is gone, and a script has to say that it is meant`() async throws {
            let network = try await ScenarioNetwork.shared
            try await network.withClient { client in
                let uuid = try await workstep(client)
                let id = UUID().uuidString
                try await network.withFailing(Self.editor, Self.edit) {
                    // There is no time for a second try before the deadline.
                    try await expectInternal { try await self.edit(client, uuid, id, patience: .milliseconds(900)) }
                }
                var deadline: Timestamp?
                let isLate = await eventually {
                    let found = try? await parked(network, [id]).first
                    deadline = found?["deadline"]?.string.flatMap(Timestamp.init)
                    return deadline.map { $0 < .now() } ?? false
                }
                #expect(isLate)
                try await network.execbus(["parked", "drop", id]).expectRefused(2, "--yes")
                try await network.execbus(["parked", "drop", "--yes"]).expectRefused(2, "--all")
                try await network.execbus(["parked", "replay", id]).expectRefused(1, "--ignore-deadline")
                #expect(
                    try await network.execbus(["parked", "drop", id, "--yes"]).checked().outputText
                        == "dropped 1 message\n")
                #expect(try await parked(network, [id]).isEmpty)
                #expect(try await revision(client, uuid) == 1)
            }
        }

        @Test func `only the message that ends its worker is parked, and everything beside it is done once`()
            async throws
        {
            let network = try await ScenarioNetwork.shared
            try await network.withClient { client in
                let uuid = try await workstep(client)
                let (id, point) = (UUID().uuidString, FaultPoints.Point.beforeCommit)
                let before = try network.pid(of: Self.editor)
                try network.arm(Self.editor, point, Self.edit)
                // The worker ends at each handling of the message, for as long as there is one.
                let killing = Task {
                    while !Task.isCancelled {
                        if network.hasFired(Self.editor, point, Self.edit) {
                            try network.arm(Self.editor, point, Self.edit)
                        }
                        try? await Task.sleep(for: .milliseconds(2))
                    }
                }
                defer {
                    killing.cancel()
                    network.disarm(Self.editor, point, Self.edit)
                }
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await expectInternal { try await self.edit(client, uuid, id) } }
                    for _ in 1...40 {
                        group.addTask { _ = try await self.workstep(client) }
                    }
                    try await group.waitForAll()
                }
                let found = try await parked(network, ["--queue", Self.editor, "--reason", "its worker ended"])
                #expect(found.map { $0["id"]?.string } == [id])
                #expect(found.first?["reason"] == "internal: its worker ended 3 times while handling it")
                let all = try await parked(network, ["--queue", Self.editor])
                #expect(all.count == found.count, "nothing beside it: \(all)")
                #expect(try network.pid(of: Self.editor) != before)
                _ = try await network.execbus(["parked", "drop", "--queue", Self.editor, "--all", "--yes"]).checked()
            }
        }

        @Test func `facts about a session that fail for a while come in their order, and none is lost`() async throws {
            let network = try await ScenarioNetwork.shared
            try await Scientist.with { scientist in
                var offer: Offer?
                try await network.withFailing("global-execution", "srcnet.event.session.v1") {
                    let made = try await scientist.offer(at: "ral")
                    offer = made
                    try await scientist.set("REJECTED", made)
                    try await scientist.wait(for: "REJECTED", made)
                }
                let made = try #require(offer)
                let came = await eventually {
                    let listed = try? await scientist.ask(
                        "srcnet.session.list.v1", of: "global-execution", ["limit": 1_000])
                    let session = listed?["sessions"]?.array?.first { $0["session"]?.string == made.session }
                    return session?["phase"] == "REJECTED"
                }
                #expect(came)
                #expect(try await parked(network, ["--queue", "global-execution"]).isEmpty)
            }
        }

        @Test(arguments: FaultPoints.Point.ofLoop)
        func `events of a subject are numbered without gaps wherever the worker dies`(_ point: FaultPoints.Point)
            async throws
        {
            let network = try await ScenarioNetwork.shared
            try await Scientist.with { scientist in
                let uuid = try await workstep(scientist.client)
                for number in 1...3 {
                    if number == 2 { try network.arm(Self.editor, point, Self.edit) }
                    try await edit(scientist.client, uuid, "\(uuid)-\(number)")
                }
                let came = await eventually { scientist.facts.about(uuid).count >= 4 }
                #expect(came)
                #expect(network.hasFired(Self.editor, point, Self.edit))
                #expect(scientist.facts.about(uuid).map(\.sequence) == [1, 2, 3, 4])
                #expect(try await revision(scientist.client, uuid) == 4)
            }
        }

        @Test func `watch --ordered shows each event once, by its number`() async throws {
            let network = try await ScenarioNetwork.shared
            try await network.withClient { client in
                try await withLongCommand([
                    "watch", "workstep.#", "--ordered", "--json", "--count", "3", "--state", network.folder.path,
                ]) { watch in
                    #expect(await eventually { watch.complaints.contains { $0.hasPrefix("hears ") } })
                    let uuid = try await workstep(client)
                    for number in 1...2 { try await edit(client, uuid, "\(uuid)-\(number)") }
                    #expect(await eventually { watch.process.status != nil })
                    let numbers = try watch.lines.map { try JSON(parsing: Array($0.utf8))["sequence"]?.int }
                    #expect(numbers == [1, 2, 3])
                }
            }
        }

        // MARK: Steps

        private func workstep(_ client: BusClient) async throws -> String {
            let answer = try await client.request(
                "srcnet.workstep.create.v1", of: Self.editor, ["from": "empty", "workstep": Worksteps.notebook()],
                patience: .seconds(120))
            return try #require(answer.body["uuid"]?.string)
        }

        @discardableResult
        private func edit(
            _ client: BusClient, _ uuid: String, _ id: String, patience: Duration = .seconds(120)
        ) async throws -> JSON {
            let value = try #require(Worksteps.notebook(cores: 2)["compute"])
            return try await client.request(
                Self.edit, of: Self.editor, ["uuid": .string(uuid), "set": "compute", "value": value], id: id,
                patience: patience
            ).body
        }

        private func revision(_ client: BusClient, _ uuid: String) async throws -> Int64? {
            try await client.request("srcnet.workstep.get.v1", of: Self.editor, ["uuid": .string(uuid)]).body[
                "revision"]?.int
        }

        private func expectInternal(_ body: () async throws -> JSON) async throws {
            do {
                _ = try await body()
                Issue.record("no problem came")
            } catch BusClientError.problem(let problem) {
                #expect(problem.kind == .internalFault)
                #expect(!problem.detail.contains("purpose"))
            }
        }

        private func parked(_ network: ScenarioNetwork, _ arguments: [String]) async throws -> [JSON] {
            try await network.execbus(["parked", "list", "--json"] + arguments).checked().json.array ?? []
        }
    }
}
