import MessageBus
import Soak
import TestSupport
import Testing
import Wire

extension Scenarios {
    /// Workers that are killed at named points of their loop, and in the middle of what they do: as a client sees it
    /// there is one session, one process, one reservation, one callback.
    @Suite struct Kills {
        struct Point: Sendable, CustomTestStringConvertible {
            let worker: String
            let point: FaultPoints.Point
            let type: String

            var testDescription: String { "\(worker) \(point.rawValue) \(type)" }
        }

        static let points: [Point] =
            [
                "srcnet.session.set-phase.v1", "srcnet.permission.v1",
                // Between the claim and the commit of the acceptance, and in it.
                "srcnet.offer.claimed.v1", "srcnet.task.done.v1",
            ].flatMap { type in
                [FaultPoints.Point.afterReceive, .afterCommit, .afterPublish].map {
                    Point(worker: "execution-broker.ral", point: $0, type: type)
                }
            }
            + [
                "srcnet.offer.claim.v1", "srcnet.workstep.submit.v1", "srcnet.offer.response.v1",
                "srcnet.permission.v1",
            ]
            .flatMap { type in
                [FaultPoints.Point.afterCommit, .afterPublish].map {
                    Point(worker: "global-execution", point: $0, type: type)
                }
            }
            + [
                Point(worker: "execution-broker.ral", point: .afterAcknowledge, type: "srcnet.offer.claimed.v1"),
                Point(worker: "execution-broker.ral", point: .beforeCommit, type: "srcnet.offer.claimed.v1"),
                Point(worker: "execution-broker.ral", point: .afterCommit, type: "srcnet.offer.request.v1"),
                Point(worker: "global-execution", point: .beforeCommit, type: "srcnet.offer.claim.v1"),
                Point(worker: "canfar.ral", point: .duringActivity, type: "start-session"),
                Point(worker: "prepare-data.ral", point: .duringActivity, type: "prepare-data"),
                Point(worker: "canfar.ral", point: .afterCommit, type: "srcnet.session.start.v1"),
                Point(worker: "prepare-data.ral", point: .afterPublish, type: "srcnet.task.done.v1"),
            ]

        @Test(arguments: points) func `one session comes of it, whatever dies`(_ point: Point) async throws {
            let network = try await ScenarioNetwork.shared
            try network.arm(point.worker, point.point, point.type)
            try await Scientist.with { scientist in
                let offer = try await persistentOffer(scientist)
                try await persistently { try await scientist.accept(offer, id: "accept-\(offer.session)") }
                let callbacks = try await scientist.callbacks(offer, count: 1, within: .seconds(90))
                #expect(callbacks[0].body["phase"] == "AVAILABLE")
                #expect(network.hasFired(point.worker, point.point, point.type), "the worker was never killed")
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
            }
        }

        /// Submits until the site makes an offer: a broker that is away is silent, and who wants it asks again.
        private func persistentOffer(_ scientist: Scientist) async throws -> Offer {
            let end = ContinuousClock.now + .seconds(60)
            while true {
                let offerset = try await persistently { try await scientist.submit(Worksteps.notebook()) }
                let found = offerset["offers"]?.array?.first { $0["site"] == "ral" }
                if let session = found?["meta"]?["uuid"]?.string {
                    return Offer(session: session, site: "ral", offerset: offerset)
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
