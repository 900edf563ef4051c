import FoundationEssentials
import LocalNetwork
import Processes
import Soak
import TestSupport
import Testing
import Wire

extension Scenarios {
    /// The programs in Examples: strangers, who use nothing of this project but what stands on the wire.
    @Suite struct Examples {
        private static let folder =
            #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined() + "/Examples"

        @Test func `a client in Python submits, accepts, is called back, reads the session and cancels it`()
            async throws
        {
            let result = try await client("notebook.json").checked()
            try expectLines(of: result.outputText, like: try Self.read("python/expected-output.txt"))
            let session = try #require(result.outputText.firstMatch(of: /session ([0-9a-f-]{36})/)?.1)
            try await expectNothingLeft(of: Offer(session: String(session), site: try site(in: result), offerset: [:]))
        }

        @Test(arguments: [
            ("notebook.json", ["--user", "bob"], "guests have no allocation"),
            ("notebook.json", ["--user", "carol"], "a supervisor has to accept the offer"),
            ("notebook.json", ["--user", "dave"], "ACCESS_REFUSED"),
            ("too-large.json", [], "is more than the limit of this site"),
            ("no-such-data.json", [], "No catalogue knows the data demo:no-such-observation"),
        ])
        func `the client in Python says in its last lines why it gets no session`(
            _ workstep: String, _ options: [String], _ reason: String
        ) async throws {
            let result = try await client(workstep, options)
            #expect(result.status == .exited(1))
            #expect(result.errorText.hasPrefix("session.py: ") && result.errorText.contains(reason), "\(result)")
            #expect(!result.errorText.contains("Traceback"))
        }

        @Test(.enabled(if: Executable.find("amqp-consume") != nil, "Debian's amqp-tools are not installed"))
        func `the shell hears each phase as a line of JSON`() async throws {
            let network = try await ScenarioNetwork.shared
            let log = try await TemporaryFolder.make() + "/events"
            var settings = ProcessSettings(
                Self.folder + "/shell/watch", ["\(network.folder.path)/network.json", "session.#"])
            settings.output = .file(log)
            settings.errors = .file(log)
            settings.group = .session
            let watch = try await ChildProcess.spawn(settings)
            func phases(of session: String) throws -> [String] {
                try lines(of: log).map { try JSON(parsing: $0) }
                    .filter { $0["session"]?.string == session }.compactMap { $0["phase"]?.string }
            }
            do {
                try await Scientist.with { scientist in
                    // Its queue is there when it hears something.
                    let isHearing = try await eventually(within: .seconds(30)) {
                        let offer = try await scientist.offer(at: "ral")
                        await scientist.clear(offer)
                        return try !lines(of: log).isEmpty
                    }
                    try #require(isHearing)
                    let offer = try await scientist.offer(at: "ral")
                    try await scientist.set("REJECTED", offer)
                    let isHeard = try await eventually { try phases(of: offer.session) == ["OFFERED", "REJECTED"] }
                    let heard = try phases(of: offer.session)
                    #expect(isHeard, "\(heard)")
                }
            } catch {
                await watch.kill()
                throw error
            }
            await watch.kill()
        }

        // MARK: Parts

        /// Runs the client as a person would, on the data that this network has.
        private func client(_ workstep: String, _ options: [String] = []) async throws -> RunResult {
            let network = try await ScenarioNetwork.shared
            return try await withTemporaryFolder { folder in
                let file = "\(folder)/\(workstep)"
                let text = try Self.read("worksteps/\(workstep)").replacing("hcn-cube", with: Observation.name)
                try Data(text.utf8).write(to: URL(filePath: file))
                return try await run(
                    ProcessSettings(
                        Self.folder + "/python/session.py",
                        ["\(network.folder.path)/network.json", "--workstep", file] + options),
                    deadline: .seconds(120))
            }
        }

        private func site(in result: RunResult) throws -> String {
            let number = try #require(result.outputText.firstMatch(of: /takes offer (\d+)/)?.1)
            let line = result.outputText.split(separator: "\n").first { $0.hasPrefix("offer \(number) at ") }
            return String(try #require(line?.dropFirst("offer \(number) at ".count).prefix { $0 != ":" }))
        }

        /// Every line must be as expected, where `<…>` stands for anything.
        private func expectLines(of output: String, like expected: String) throws {
            let lines = output.split(separator: "\n")
            let patterns = expected.split(separator: "\n")
            #expect(lines.count == patterns.count, "\(output)")
            for (line, pattern) in zip(lines, patterns) {
                let regex = try Regex("\\Q" + pattern.replacing(/<[^>]*>/, with: "\\E.+\\Q") + "\\E")
                #expect(line.wholeMatch(of: regex) != nil, "\(line) is not like \(pattern)")
            }
        }

        private func lines(of file: String) throws -> [String] {
            guard FileManager.default.fileExists(atPath: file) else { return [] }
            let text = String(decoding: try Data(contentsOf: URL(filePath: file)), as: UTF8.self)
            // A line that is being written is none yet.
            return text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
        }

        private static func read(_ path: String) throws -> String {
            String(decoding: try Data(contentsOf: URL(filePath: "\(folder)/\(path)")), as: UTF8.self)
        }
    }
}
