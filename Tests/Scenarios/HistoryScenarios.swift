import AMQP
import LocalNetwork
import MessageBus
import Processes
import TestSupport
import Testing
import Wire

extension Scenarios {
    /// Everything that has happened can be heard later.
    @Suite struct History {
        @Test func `watch shows what was, from any start, and goes on with what is`() async throws {
            let network = try await ScenarioNetwork.shared
            let before = Timestamp.now()
            let early = try await Self.create(network, 3)
            let between = Timestamp.now()
            let late = try await Self.create(network, 2)

            let all = try await Self.watch(network, ["--from", before.description, "--count", "5"])
            #expect(all.map { $0["key"]?.string } == (early + late).map { "workstep.global.created.\($0)" })
            let offsets = all.compactMap { $0["offset"]?.int }
            #expect(offsets.count == 5 && offsets == offsets.sorted())

            let newer = try await Self.watch(network, ["--from", between.description, "--count", "2"])
            #expect(newer.map { $0["key"]?.string } == late.map { "workstep.global.created.\($0)" })
            let from = try #require(offsets.dropFirst(1).first)
            let four = try await Self.watch(network, ["--from", "\(from)", "--count", "4"])
            #expect(four.map { $0["offset"]?.int } == offsets.dropFirst(1).map(Int64?.some))
            let first = try await Self.watch(network, ["--from", "first", "--count", "1"])
            #expect(try #require(first.first?["offset"]?.int) <= offsets[0])

            // It hears what happens after it has shown what was.
            async let live = Self.watch(network, ["--from", "\(offsets[0])", "--count", "6"])
            let newest = try await Self.create(network, 1)
            #expect(try await live.last?["key"]?.string == "workstep.global.created.\(newest[0])")
        }

        @Test func `a read model that is made anew from the history is as the participant's own`() async throws {
            let network = try await ScenarioNetwork.shared
            let begin = Timestamp.now()
            try await Scientist.with { scientist in
                var offers: [Offer] = []
                for _ in 0..<3 { offers.append(try await scientist.offer(at: "ral")) }
                for offer in offers {
                    try await scientist.set("REJECTED", offer)
                }
                let ids = Set(offers.map(\.session))
                let isSettled = await eventually {
                    (try? await Self.directory(scientist, ids)).map { $0.values.allSatisfy { $0 == "REJECTED" } }
                        == true
                }
                try #require(isSettled)
                let uri = try network.uri(of: "dave")
                var phases: [String: String] = [:]
                try await withAMQPConnection(AMQPConfiguration(uri: uri)) { connection in
                    // `dave` may only hear, and that is enough for it.
                    try await BusClient.recall(["session.#"], from: .time(begin), over: connection) { event, _ in
                        if let id = event.body["session"]?.string, ids.contains(id) {
                            phases[id] = event.body["phase"]?.string
                        }
                        return phases.count < ids.count || !phases.values.allSatisfy { $0 == "REJECTED" }
                    }
                }
                #expect(try await phases == Self.directory(scientist, ids))
            }
        }

        @Test func `a start that is none is refused`() async throws {
            let network = try await ScenarioNetwork.shared
            for word in ["yesterday", "-1", ""] {
                try await network.execbus(["watch", "--from", word]).expectRefused(2, "--from takes first, last")
            }
        }

        private static func create(_ network: ScenarioNetwork, _ count: Int) async throws -> [String] {
            try await network.withClient { client in
                var uuids: [String] = []
                for _ in 0..<count {
                    let answer = try await client.request(
                        "srcnet.workstep.create.v1", of: "workstep-editor", ["from": "empty"], patience: .seconds(30))
                    uuids.append(try #require(answer.body["uuid"]?.string))
                }
                return uuids
            }
        }

        private static func watch(_ network: ScenarioNetwork, _ options: [String]) async throws -> [JSON] {
            let result = try await network.execbus(["watch", "workstep.#", "--json"] + options).checked()
            return try result.outputText.split(separator: "\n").map { try JSON(parsing: Array($0.utf8)) }
        }

        /// The phases of some sessions as `global-execution` knows them.
        private static func directory(_ scientist: Scientist, _ ids: Set<String>) async throws -> [String: String] {
            var phases: [String: String] = [:]
            var after: String?
            repeat {
                let page = try await scientist.ask(
                    "srcnet.session.list.v1", of: "global-execution",
                    .object(compacting: ["limit": 1_000, "after": after.map(JSON.string)]))
                for entry in page["sessions"]?.array ?? [] {
                    if let id = entry["session"]?.string, ids.contains(id) { phases[id] = entry["phase"]?.string }
                }
                after = page["next"]?.string
            } while after != nil
            return phases
        }
    }
}
