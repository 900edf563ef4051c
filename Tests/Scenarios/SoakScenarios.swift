import FoundationEssentials
import Soak
import TestSupport
import Testing

extension Scenarios {
    /// The short form of scripts/soak: a network of its own that is broken in every way, and the checks of what clients saw.
    @Suite struct Soaks {
        @Test func `a network that is broken for a minute keeps every promise`() async throws {
            try await soak(.seconds(60), seed: 5)
        }

        @Test(
            .enabled(if: NotebookRegistry.isWanted, "it is slow: set EXECBUS_FULL=1"), arguments: [11, 12] as [UInt64])
        func `a network that is broken for ten minutes keeps every promise`(_ seed: UInt64) async throws {
            try await soak(.seconds(600), seed: seed)
        }

        @Test(.enabled(if: NotebookRegistry.isWanted, "it is slow: set EXECBUS_FULL=1"))
        func `a rolling restart of every worker under load loses and repeats nothing`() async throws {
            // Each is told once; then some again while RabbitMQ takes nothing, twice, so that they cannot drain and are quick.
            let report = try await soak(.seconds(45), seed: 6) { workers in
                let restarts = workers.enumerated().map { Fault(at: 2_000 + $0 * 2_000, .stop($1, twice: false)) }
                let alarm = 4_000 + workers.count * 2_000
                let hasty = workers.filter { $0.hasSuffix(".ral") || $0 == "global-execution" }
                return restarts + [Fault(at: alarm, .alarm(.memory, seconds: 10))]
                    + hasty.enumerated().map { Fault(at: alarm + 5_000 + $0 * 500, .stop($1, twice: true)) }
            }
            let drained = report.history.stops.filter { !$0.isTwice }
            #expect(drained.count == 13)
            let exits = report.history.exits.map(\.status)
            #expect(exits.count == 13 + 6)
            #expect(Set(exits) == ["exit code 0"], "\(exits)")
        }

        @discardableResult
        private func soak(
            _ duration: Duration, seed: UInt64, _ plan: (@Sendable ([String]) -> [Fault])? = nil
        ) async throws -> Report {
            let folder = try await TemporaryFolder.make() + "/soak"
            var soak = Soak(folder: folder, program: try ScenarioNetwork.program()) { _ in }
            soak.seed = seed
            soak.duration = duration
            soak.plan = plan
            // Other tests have the machine as well.
            soak.settling = .seconds(240)
            let report = try await soak.run()
            #expect(report.violations.isEmpty, "\(report.lines.joined(separator: "\n"))")
            if plan == nil {
                #expect(report.faults.count == Schedule.kinds, "each kind of fault happened: \(report.faults)")
            }
            return report
        }
    }
}
