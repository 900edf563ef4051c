import ExecutionModel
import MessageBus
import Soak
import TestSupport
import Testing
import Wire

extension Scenarios {
    /// Workers that are killed at named points of their loop, and in the middle of what they do: as a client sees it
    /// there is one session, one process, one reservation, one callback.
    @Suite struct Kills {
        /// How a workstep comes to global-execution.
        enum Diagram: String, Sendable, CaseIterable {
            /// The user submits it by its uuid, and global-execution asks the editor for it.
            case i = "I"
            /// The user has the editor execute it, and hears of the session in the short form.
            case c = "C"
        }

        @Test(arguments: KillPoint.some + KillPoint.ofDiagramI.prefix(4))
        func `one session comes of it, whatever dies`(_ point: KillPoint) async throws {
            try await play([point], .i)
        }

        @Test(arguments: KillPoint.ofDiagramC.prefix(3))
        func `one session comes of it where the editor passes it on, whatever dies`(_ point: KillPoint) async throws {
            try await play([point], .c)
        }

        @Test(
            .enabled(if: NotebookRegistry.isWanted, "it is slow: set EXECBUS_FULL=1"),
            arguments: KillPoint.all + KillPoint.ofDiagramI)
        func `one session comes of diagram I, whatever dies`(_ point: KillPoint) async throws {
            try await play([point], .i)
        }

        @Test(
            .enabled(if: NotebookRegistry.isWanted, "it is slow: set EXECBUS_FULL=1"),
            arguments: KillPoint.all + KillPoint.ofDiagramC)
        func `one session comes of diagram C, whatever dies`(_ point: KillPoint) async throws {
            try await play([point], .c)
        }

        @Test(.enabled(if: NotebookRegistry.isWanted, "it is slow: set EXECBUS_FULL=1"), arguments: KillPoint.pairs)
        func `one session comes of it, whichever two die`(_ points: [KillPoint]) async throws {
            try await play(points, .i)
        }

        /// Plays a diagram from the workstep to the session's end.
        private func play(_ points: [KillPoint], _ diagram: Diagram) async throws {
            let network = try await ScenarioNetwork.shared
            let site = points.first { $0.site != "ral" }?.site ?? "ral"
            for point in points { try network.arm(point.worker, point.point, point.type) }
            try await Scientist.with { scientist in
                let offer = try await persistentOffer(scientist, at: site, diagram)
                let content: JSON? = if diagram == .c { ["session.phase"] } else { nil }
                try await persistently {
                    try await scientist.accept(offer, content: content, id: "accept-\(offer.session)")
                }
                let callbacks = try await scientist.callbacks(offer, count: 1, within: .seconds(90))
                #expect(
                    diagram == .c
                        ? callbacks[0].body["content"] == "session.phase: AVAILABLE"
                        : callbacks[0].body["phase"] == "AVAILABLE")
                let session = try await persistently { try await scientist.session(offer) }
                #expect(session["phase"] == "AVAILABLE")
                #expect(try await scientist.open(session).with == 200)
                let servers = processes(of: offer.session)
                #expect(servers.count == 2, "the server and its child, and no second session: \(servers)")
                #expect(
                    scientist.facts.phases(of: offer.session)
                        == ["OFFERED", "ACCEPTED", "PREPARING", "AVAILABLE"])
                #expect(scientist.callbacks.about(offer.session).count == 1)
                try await persistently { try await scientist.set("CANCELLED", offer, id: "cancel-\(offer.session)") }
                let last = try await scientist.callbacks(offer, count: 2)
                #expect(last.map(\.sequence) == [1, 2])
                try await expectNothingLeft(of: offer)
                for point in points {
                    let isKilled = await eventually(within: .seconds(30)) {
                        network.hasFired(point.worker, point.point, point.type)
                    }
                    #expect(isKilled, "the worker was never killed: \(point.testDescription)")
                    network.disarm(point.worker, point.point, point.type)
                }
            }
        }

        /// Submits until the site makes an offer: a broker that is away is silent, and who wants it asks again.
        private func persistentOffer(
            _ scientist: Scientist, at site: String, _ diagram: Diagram
        ) async throws -> Offer {
            let id = IDSource.random.next()
            let workstep = try await persistently {
                try await scientist.ask(
                    "srcnet.workstep.create.v1", of: "workstep-editor",
                    ["from": "empty", "workstep": Worksteps.notebook()], id: "create-\(id)")
            }
            let uuid = workstep["uuid"] ?? ""
            let end = ContinuousClock.now + .seconds(60)
            while true {
                let offerset = try await persistently {
                    switch diagram {
                    case .i:
                        try await scientist.ask(
                            "srcnet.workstep.submit.v1", of: "global-execution", ["workstep": ["uuid": uuid]])
                    case .c:
                        try await scientist.ask("srcnet.workstep.execute.v1", of: "workstep-editor", ["uuid": uuid])
                    }
                }
                let found = offerset["offers"]?.array?.first { $0["site"]?.string == site }
                if let session = found?["meta"]?["uuid"]?.string {
                    return Offer(session: session, site: site, offerset: offerset)
                }
                guard .now < end else { throw ScenarioError("no offer came: \(offerset.text)") }
                try await Task.sleep(for: .milliseconds(200))
            }
        }

        /// Sends the same message again while its answer is that it may be tried again, as contract.md allows.
        @discardableResult
        private func persistently(_ body: () async throws -> JSON) async throws -> JSON {
            let end = ContinuousClock.now + .seconds(60)
            while true {
                do {
                    return try await body()
                } catch let error as BusClientError {
                    guard case .problem(let problem) = error, problem.kind.isPassing, .now < end else { throw error }
                    try await Task.sleep(for: .milliseconds(200))
                }
            }
        }
    }
}
