import FoundationEssentials
import Glibc
import LocalNetwork
import MessageBus
import Soak
import TestSupport
import Testing
import Wire

/// All scenarios share one network, and some kill its workers: they are played one after another.
@Suite(.serialized) struct Scenarios {}

extension Scenarios {
    /// Diagram I, without faults and with each branch.
    @Suite struct Interactive {
        @Test(arguments: ["ral", "caen"])
        func `a session is offered, accepted, prepared, opened and cancelled`(_ site: String) async throws {
            try await Scientist.with { scientist in
                let workstep = try await scientist.ask(
                    "srcnet.workstep.create.v1", of: "workstep-editor",
                    ["from": "empty", "workstep": Worksteps.notebook()])
                let offer = try await scientist.offer(at: site, ["uuid": try #require(workstep["uuid"])])
                #expect(offer.offerset["result"] == "YES")
                #expect(offer.offerset["sites"]?["silent"] == [])
                let chosen = offer.offerset["offers"]?.array?.first { $0["site"]?.string == site }
                #expect(chosen?["data"]?[0]?["access"]?["local"]?.bool == (site == "ral"))
                #expect(chosen?["workstep"]?["uuid"] == workstep["uuid"])

                let accepted = try await scientist.accept(offer)
                #expect(accepted["phase"] == "ACCEPTED")
                let callback = try await scientist.callbacks(offer, count: 1)[0]
                #expect(callback.body == ["session": .string(offer.session), "phase": "AVAILABLE"])
                #expect(callback.sequence == 1)

                let session = try await scientist.session(offer)
                #expect(session["phase"] == "AVAILABLE")
                let opened = try await scientist.open(session)
                #expect(opened.with == 200)
                #expect(opened.without == 403)
                #expect(opened.files["content"]?[0]?["size"]?.int == Int64(Observation.bytes.count))

                let cancelled = try await scientist.set("CANCELLED", offer)
                #expect(cancelled["phase"] == "CANCELLED")
                let last = try await scientist.callbacks(offer, count: 2)
                #expect(last[1].body["phase"] == "CANCELLED")
                #expect(last[1].sequence == 2)
                try await expectNothingLeft(of: offer)
            }
        }

        @Test func `each phase is an event, in order, numbered without gaps and without secrets`() async throws {
            try await Scientist.with { scientist in
                let offer = try await scientist.offer(at: "ral")
                try await scientist.accept(offer)
                _ = try await scientist.callbacks(offer, count: 1)
                let link = try await scientist.session(offer)["connectors"]?[0]?["location"]?.string
                let token = try #require(link?.split(separator: "token=").last).description
                try await scientist.set("RELEASING", offer)
                try await scientist.wait(for: "COMPLETED", offer)
                let events = scientist.facts.about(offer.session).filter { $0.key.hasPrefix("session.") }
                #expect(
                    scientist.facts.phases(of: offer.session)
                        == ["OFFERED", "ACCEPTED", "PREPARING", "AVAILABLE", "RELEASING", "COMPLETED"])
                #expect(events.compactMap(\.sequence) == Array(1...6))
                #expect(events.allSatisfy { $0.sender == "execution-broker.ral" })
                let everything = scientist.facts.all.map(\.body.text).joined()
                #expect(!everything.contains(token))
                let tasks = scientist.facts.tasks(of: offer.session).map(\.key)
                for participant in ["prepare-data", "cavern", "harbor", "canfar"] {
                    #expect(tasks.contains { $0.hasPrefix("task.ral.\(participant)-completed") })
                }
                try await expectNothingLeft(of: offer)
            }
        }

        @Test func `who may not submit is told so, and no broker is asked`() async throws {
            try await Scientist.with { listener in
                try await Scientist.with("bob") { bob in
                    let problem = await problem { try await bob.submit(Worksteps.notebook()) }
                    #expect(problem?.kind == .notAuthorised)
                    #expect(problem?.detail.contains("allocation") == true)
                }
                let offer = try await listener.offer(at: "ral")
                // The offers of alice came later than anything that bob could have caused.
                try await listener.wait(for: "OFFERED", offer)
                let offered = Set(
                    listener.facts.all.filter { $0.key.contains(".offered.") }.compactMap { $0.body["offerset"] })
                #expect(offered.count == 1)
                try await listener.set("REJECTED", offer)
            }
        }

        @Test func `who may not accept is told so, and the offer stands`() async throws {
            try await Scientist.with("carol") { carol in
                let offer = try await carol.offer(at: "ral")
                let problem = await problem { try await carol.accept(offer) }
                #expect(problem?.kind == .notAuthorised)
                let session = try await carol.session(offer)
                #expect(session["phase"] == "OFFERED")
                #expect(session["meta"]?["options"]?[0]?["values"] == ["ACCEPTED", "REJECTED", "CANCELLED"])
                try await carol.set("REJECTED", offer)
            }
        }

        @Test func `an offer is its owner's alone`() async throws {
            try await Scientist.with { alice in
                let offer = try await alice.offer(at: "ral")
                try await Scientist.with("carol") { carol in
                    for phase in ["ACCEPTED", "REJECTED", "CANCELLED"] {
                        #expect(await problem { try await carol.set(phase, offer) }?.kind == .notAuthorised)
                    }
                    #expect(await problem { try await carol.session(offer) }?.kind == .notAuthorised)
                }
                #expect(try await alice.session(offer)["phase"] == "OFFERED")
                try await alice.set("REJECTED", offer)
            }
        }

        @Test func `a site that is silent is named, and its late offers are given back`() async throws {
            let network = try await ScenarioNetwork.shared
            try await Scientist.with { scientist in
                let broker = try network.pid(of: "execution-broker.caen")
                kill(broker, SIGSTOP)
                defer { kill(broker, SIGCONT) }
                let offerset = try await scientist.submit(Worksteps.notebook(), deadline: .seconds(1))
                #expect(offerset["sites"]?["silent"] == ["caen"])
                #expect(offerset["result"] == "YES")
                #expect(offerset["offers"]?.array?.allSatisfy { $0["site"] == "ral" } == true)
            }
        }

        @Test func `where no site can, the answer is NO with the reasons of each`() async throws {
            try await Scientist.with { scientist in
                let offerset = try await scientist.submit(Worksteps.notebook(cores: 1_000))
                #expect(offerset["result"] == "NO")
                #expect(offerset["offers"] == [])
                let refused = offerset["sites"]?["refused"]?.array ?? []
                #expect(Set(refused.compactMap { $0["site"]?.string }) == ["ral", "caen"])
                #expect(refused.allSatisfy { $0["messages"]?[0]?["message"]?.string?.contains("1000") == true })
            }
        }

        @Test func `once one offer is accepted, those of other sites are taken`() async throws {
            try await Scientist.with { scientist in
                let near = try await scientist.offer(at: "ral")
                let other = near.offerset["offers"]?.array?.first { $0["site"] == "caen" }
                let far = Offer(
                    session: try #require(other?["meta"]?["uuid"]?.string), site: "caen", offerset: near.offerset)
                try await scientist.accept(near)
                try await scientist.wait(for: "REJECTED", far)
                #expect(await problem { try await scientist.accept(far) }?.kind == .offerTaken)
                try await scientist.set("CANCELLED", near)
                try await expectNothingLeft(of: near)
            }
        }
    }
}

/// The problem that a request is answered with, or nil where it goes well.
func problem(_ body: () async throws -> JSON) async -> Problem? {
    do {
        _ = try await body()
        return nil
    } catch BusClientError.problem(let problem) {
        return problem
    } catch {
        Issue.record("\(error)")
        return nil
    }
}

/// Waits until a site has nothing of a session any more: no process, no folder.
func expectNothingLeft(of offer: Offer) async throws {
    let network = try await ScenarioNetwork.shared
    let site = network.folder.path + "/sites/\(offer.site)/state"
    let isGone = await eventually(within: .seconds(30)) {
        !FileManager.default.fileExists(atPath: "\(site)/areas/\(offer.session)")
            && processes(of: offer.session).isEmpty
    }
    #expect(isGone, "left: \(processes(of: offer.session)) and \(site)/areas/\(offer.session)")
}

/// The processes of a session's container, which know its id from their environment.
func processes(of session: String) -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return names.filter { name in
        guard Int32(name) != nil else { return false }
        guard let bytes = FileManager.default.contents(atPath: "/proc/\(name)/environ") else { return false }
        return String(decoding: bytes, as: UTF8.self).contains("SESSION_ID=\(session)")
    }
}
