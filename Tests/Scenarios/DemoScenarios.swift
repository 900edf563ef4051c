import LocalNetwork
import Processes
import Soak
import TestSupport
import Testing

extension Scenarios {
    /// `execbus demo` as scripts/demo calls it, with a small image. It takes a minute, most of it a booking that is real.
    @Suite(.enabled(if: NotebookRegistry.isWanted, "it is slow: set EXECBUS_FULL=1"))
    struct DemoPlay {
        @Test(.timeLimit(.minutes(4))) func `the demo plays to its end, and its last table has all that happened`()
            async throws
        {
            let registry = try await ScenarioNetwork.shared.registry
            try await withTemporaryFolder { folder in
                let state = folder + "/net"
                let observation = folder + "/cube.fits"
                try PrivateFile.write(Observation.bytes, to: observation)
                // What an earlier demo may have left.
                try PrivateFile.makeFolder(state + "/sites/ral")
                try PrivateFile.write(Array("{}".utf8), to: state + "/sites/ral/site.json")
                let result = try await Execbus.run(
                    ["demo", "--anew", "--state", state, "--registry", registry, "--observation", observation],
                    deadline: .seconds(180)
                ).checked()
                let table = result.outputText.split(separator: "\n").drop { $0 != "What happened when" }
                for words in [
                    "session available at ral", "session available at caen", "bob's submit is denied",
                    "carol's acceptance is denied",
                ] {
                    #expect(table.contains { $0.contains(words) }, "\(words): \(result.outputText)")
                }
                #expect(try NetworkState(of: NetworkFolder(state)) == .absent, "nothing goes on")
            }
        }
    }
}
