import MessageBus
import Testing

/// A place at which a worker is killed in the course of a session.
struct KillPoint: Sendable, Hashable, CustomTestStringConvertible {
    let worker: String
    let point: FaultPoints.Point
    /// What the worker handles or sends there, or the name of the activity.
    let type: String

    var testDescription: String { "\(worker) \(point.rawValue) \(type)" }

    /// The site that has to have the session, so that the worker takes part.
    var site: String { worker.hasSuffix(".caen") ? "caen" : "ral" }

    init(_ worker: String, _ point: FaultPoints.Point, _ type: String) {
        (self.worker, self.point, self.type) = (worker, point, type)
    }
}

extension KillPoint {
    /// What each participant handles in the course of a session, from the workstep to its end, and what it does for it.
    private static let parts: [(name: String, types: [String], activities: [String])] = [
        ("permissions", ["srcnet.permission.check.v1"], []),
        ("workstep-editor", ["srcnet.workstep.create.v1"], []),
        (
            "global-execution",
            [
                "srcnet.workstep.submit.v1", "srcnet.permission.v1", "srcnet.offer.response.v1",
                "srcnet.offer.claim.v1",
                "srcnet.event.session.v1",
            ], []
        ),
        (
            "execution-broker",
            [
                "srcnet.offer.request.v1", "srcnet.replicas.v1", "srcnet.image.v1", "srcnet.session.set-phase.v1",
                "srcnet.permission.v1", "srcnet.offer.claimed.v1", "srcnet.task.v1", "srcnet.task.done.v1",
            ], []
        ),
        (
            "prepare-data", ["srcnet.data.locate.v1", "srcnet.data.prepare.v1", "srcnet.task.release.v1"],
            ["query", "prepare-data", "release"]
        ),
        ("cavern", ["srcnet.data.pull.v1", "srcnet.task.release.v1"], ["pull-data", "release"]),
        (
            "harbor", ["srcnet.image.resolve.v1", "srcnet.image.pull.v1", "srcnet.task.release.v1"],
            ["query", "pull-image", "release"]
        ),
        ("canfar", ["srcnet.session.start.v1", "srcnet.task.release.v1"], ["start-session", "watch", "release"]),
    ]

    /// What only one of the two diagrams has: there the editor is asked by global-execution, here by the user.
    static let ofDiagramI = FaultPoints.Point.ofLoop.flatMap { point in
        [
            KillPoint("workstep-editor", point, "srcnet.workstep.get.v1"),
            KillPoint("global-execution", point, "srcnet.workstep.v1"),
        ]
    }
    static let ofDiagramC = FaultPoints.Point.ofLoop.map {
        KillPoint("workstep-editor", $0, "srcnet.workstep.execute.v1")
    }

    /// Every worker at both sites, at every point of its loop for each thing that it handles, and at the beginning and the end
    /// of each of its activities.
    static let all: [KillPoint] =
        parts.flatMap { part -> [KillPoint] in
            let isAtSite = !["permissions", "workstep-editor", "global-execution"].contains(part.name)
            return (isAtSite ? ["ral", "caen"].map { "\(part.name).\($0)" } : [part.name]).flatMap { worker in
                part.types.flatMap { type in FaultPoints.Point.ofLoop.map { KillPoint(worker, $0, type) } }
                    + part.activities.flatMap { name in
                        // Watching over a session ends with it alone.
                        (name == "watch" ? [.activityBegun] : [.activityBegun, .activityEnded]).map {
                            KillPoint(worker, $0, name)
                        }
                    }
            }
        }
        + ["prepare-data", "canfar"].flatMap { name in
            ["ral", "caen"].map {
                KillPoint("\(name).\($0)", .duringActivity, name == "canfar" ? "start-session" : "prepare-data")
            }
        }

    /// Those of each plain run: every worker, every point, every activity that makes something.
    static let some: [KillPoint] =
        [
            "srcnet.session.set-phase.v1", "srcnet.permission.v1",
            // Between the claim and the commit of the acceptance, and in it.
            "srcnet.offer.claimed.v1", "srcnet.task.done.v1",
        ].flatMap { type in
            [FaultPoints.Point.afterReceive, .afterCommit, .afterPublish].map {
                KillPoint("execution-broker.ral", $0, type)
            }
        }
        + [
            "srcnet.offer.claim.v1", "srcnet.workstep.submit.v1", "srcnet.offer.response.v1", "srcnet.permission.v1",
        ]
        .flatMap { type in
            [FaultPoints.Point.afterCommit, .afterPublish].map { KillPoint("global-execution", $0, type) }
        }
        + [
            KillPoint("execution-broker.ral", .afterAcknowledge, "srcnet.offer.claimed.v1"),
            KillPoint("execution-broker.ral", .beforeCommit, "srcnet.offer.claimed.v1"),
            KillPoint("execution-broker.ral", .afterCommit, "srcnet.offer.request.v1"),
            KillPoint("execution-broker.caen", .afterPublish, "srcnet.offer.claimed.v1"),
            KillPoint("execution-broker.caen", .afterReceive, "srcnet.task.v1"),
            KillPoint("global-execution", .beforeCommit, "srcnet.offer.claim.v1"),
            KillPoint("global-execution", .afterCommit, "srcnet.event.session.v1"),
            KillPoint("permissions", .afterReceive, "srcnet.permission.check.v1"),
            KillPoint("permissions", .afterPublish, "srcnet.permission.check.v1"),
            KillPoint("workstep-editor", .afterCommit, "srcnet.workstep.create.v1"),
            KillPoint("canfar.ral", .duringActivity, "start-session"),
            KillPoint("canfar.caen", .activityEnded, "start-session"),
            KillPoint("canfar.ral", .activityEnded, "release"),
            KillPoint("canfar.ral", .afterCommit, "srcnet.session.start.v1"),
            KillPoint("prepare-data.ral", .duringActivity, "prepare-data"),
            KillPoint("prepare-data.caen", .activityEnded, "prepare-data"),
            KillPoint("prepare-data.ral", .afterPublish, "srcnet.task.done.v1"),
            KillPoint("cavern.ral", .activityBegun, "pull-data"),
            KillPoint("cavern.caen", .activityEnded, "release"),
            KillPoint("cavern.caen", .beforeCommit, "srcnet.data.pull.v1"),
            KillPoint("harbor.ral", .activityEnded, "pull-image"),
            KillPoint("harbor.caen", .afterCommit, "srcnet.image.resolve.v1"),
        ]

    /// Each two workers once, at points that go round.
    static let pairs: [[KillPoint]] = {
        let byWorker = Dictionary(grouping: all, by: \.worker)
        let workers = byWorker.keys.sorted()
        var turns: [String: Int] = [:]
        func next(_ worker: String) -> KillPoint? {
            let points = byWorker[worker] ?? []
            // A step that has no factor in common with the number of points would do; 7 is near enough.
            defer { turns[worker, default: 0] += 7 }
            return points.isEmpty ? nil : points[turns[worker, default: 0] % points.count]
        }
        return workers.indices.flatMap { first in
            workers[(first + 1)...].compactMap { second in
                // One session is at one site.
                let sites = Set([workers[first], second].compactMap { $0.split(separator: ".").dropFirst().first })
                guard sites.count < 2, let one = next(workers[first]), let other = next(second) else { return nil }
                return [one, other]
            }
        }
    }()
}
