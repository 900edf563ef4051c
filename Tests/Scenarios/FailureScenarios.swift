import MessageBus
import Soak
import TestSupport
import Testing
import Wire

extension Scenarios {
    /// Diagram I where a preparation fails: the session fails with the reason, and everything else is released.
    @Suite struct Failures {
        @Test func `a replica with wrong bytes fails the session`() async throws {
            try await fail(Worksteps.notebook(data: Observation.damaged), at: "ral", participant: "prepare-data")
            try await fail(Worksteps.notebook(data: Observation.damaged), at: "caen", participant: "prepare-data")
        }

        @Test func `an image with one altered byte fails the session`() async throws {
            try await fail(Worksteps.notebook(image: SessionImage.altered), at: "ral", participant: "harbor")
        }

        @Test func `a session that ends while it starts fails`() async throws {
            try await fail(Worksteps.notebook(image: SessionImage.failing), at: "ral", participant: "canfar")
        }

        @Test func `data that nobody knows and an image that is nowhere get NO with the reason`() async throws {
            try await Scientist.with { scientist in
                for workstep in [Worksteps.notebook(data: "unknown"), Worksteps.notebook(image: "srcnet/unknown:1")] {
                    let offerset = try await scientist.submit(workstep)
                    #expect(offerset["result"] == "NO")
                    let messages = offerset["sites"]?["refused"]?[0]?["messages"]?.array ?? []
                    #expect(
                        messages.contains { $0["message"]?.string?.contains("unknown") == true },
                        "\(offerset.prettyText)")
                }
            }
        }

        private func fail(_ workstep: JSON, at site: String, participant: String) async throws {
            try await Scientist.with { scientist in
                let offer = try await scientist.offer(at: site, workstep)
                try await scientist.accept(offer)
                let callback = try await scientist.callbacks(offer, count: 1)[0]
                #expect(callback.body["phase"] == "FAILED")
                let session = try await scientist.session(offer)
                #expect(session["phase"] == "FAILED")
                #expect(session["reason"]?.string?.contains(participant) == true)
                let tasks = scientist.facts.tasks(of: offer.session)
                #expect(tasks.contains { $0.key.hasPrefix("task.\(site).\(participant)-failed") })
                try await expectNothingLeft(of: offer)
            }
        }
    }

    @Suite struct Callbacks {
        @Test func `without once every phase comes, numbered, and the last ends it`() async throws {
            try await Scientist.with { scientist in
                let offer = try await scientist.offer(at: "ral")
                try await scientist.accept(offer, phases: "any", once: false)
                try await scientist.wait(for: "AVAILABLE", offer)
                try await scientist.set("RELEASING", offer)
                let callbacks = try await scientist.callbacks(offer, count: 5)
                #expect(
                    callbacks.compactMap { $0.body["phase"]?.string }
                        == ["ACCEPTED", "PREPARING", "AVAILABLE", "RELEASING", "COMPLETED"])
                #expect(callbacks.compactMap(\.sequence) == Array(1...5))
            }
        }

        @Test func `a criterion that is met already fires at once`() async throws {
            try await Scientist.with { scientist in
                let offer = try await scientist.offer(at: "ral")
                try await scientist.set("ACCEPTED", offer)
                try await scientist.wait(for: "AVAILABLE", offer)
                let again = try await scientist.accept(offer)
                #expect(again["phase"] == "AVAILABLE")
                #expect(try await scientist.callbacks(offer, count: 1)[0].body["phase"] == "AVAILABLE")
                try await scientist.set("CANCELLED", offer)
                #expect(try await scientist.callbacks(offer, count: 2)[1].body["phase"] == "CANCELLED")
                try await expectNothingLeft(of: offer)
            }
        }

        @Test func `an address that is another's is refused, and the offer stands`() async throws {
            try await Scientist.with { scientist in
                let offer = try await scientist.offer(at: "ral")
                for address in ["client.bob.1", "global-execution", "client.alice"] {
                    let callback: JSON = ["type": "amqp", "address": .string(address)]
                    let problem = await problem { try await scientist.set("ACCEPTED", offer, callback: callback) }
                    #expect(problem?.kind == .invalid)
                    #expect(problem?.errors.first?.pointer == "/callback/address")
                }
                #expect(try await scientist.session(offer)["phase"] == "OFFERED")
                try await scientist.set("REJECTED", offer)
            }
        }
    }

    /// Diagram C: I with its differences.
    @Suite struct ThroughTheEditor {
        @Test func `the editor passes the workstep on, the answer comes straight, the callback is one field`()
            async throws
        {
            try await Scientist.with { scientist in
                let workstep = try await scientist.ask(
                    "srcnet.workstep.create.v1", of: "workstep-editor",
                    ["from": "empty", "workstep": Worksteps.notebook()])
                let uuid = try #require(workstep["uuid"])
                let answer = try await scientist.client.request(
                    "srcnet.workstep.execute.v1", of: "workstep-editor", ["uuid": uuid])
                #expect(answer.sender == "global-execution")
                #expect(answer.type == "srcnet.offerset.v1")
                let chosen = answer.body["offers"]?.array?.first { $0["site"] == "ral" }
                #expect(chosen?["workstep"]?["uuid"] == uuid)
                let offer = Offer(
                    session: try #require(chosen?["meta"]?["uuid"]?.string), site: "ral", offerset: answer.body)
                #expect(try await scientist.accept(offer, content: ["session.phase"])["status"] == "preparing")
                let callback = try await scientist.callbacks(offer, count: 1)[0]
                #expect(callback.body == ["content": "session.phase: AVAILABLE"])
                #expect(try await scientist.session(offer)["status"] == "available")
                try await scientist.set("RELEASING", offer)
                #expect(
                    try await scientist.callbacks(offer, count: 2)[1].body == ["content": "session.phase: COMPLETED"])
                #expect(try await scientist.session(offer)["status"] == "completed")
            }
        }

        @Test func `who may not submit is told so through the editor as well`() async throws {
            try await Scientist.with("bob") { bob in
                let workstep = try await bob.ask(
                    "srcnet.workstep.create.v1", of: "workstep-editor",
                    ["from": "empty", "workstep": Worksteps.notebook()])
                let uuid = try #require(workstep["uuid"])
                let problem = await problem {
                    try await bob.ask("srcnet.workstep.execute.v1", of: "workstep-editor", ["uuid": uuid])
                }
                #expect(problem?.kind == .notAuthorised)
            }
        }
    }
}
