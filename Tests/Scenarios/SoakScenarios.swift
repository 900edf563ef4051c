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

        private func soak(_ duration: Duration, seed: UInt64) async throws {
            let folder = try await TemporaryFolder.make() + "/soak"
            var soak = Soak(folder: folder, program: try ScenarioNetwork.program()) { _ in }
            soak.seed = seed
            soak.duration = duration
            // Other tests have the machine as well.
            soak.settling = .seconds(240)
            let report = try await soak.run()
            #expect(report.violations.isEmpty, "\(report.lines.joined(separator: "\n"))")
            #expect(report.faults.count == Schedule.kinds, "each kind of fault happened: \(report.faults)")
        }
    }
}
