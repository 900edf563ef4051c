import Processes
import Testing

extension Scenarios {
    /// What the command line says of itself, and of words that it does not understand. No network is needed.
    @Suite struct Help {
        @Test func `every command and every option is explained`() async throws {
            var commands: [[String]] = [[]]
            var walked = 0
            while let command = commands.popLast() {
                walked += 1
                let result = try await Execbus.run(command + ["--help"]).checked()
                #expect(result.errors.isEmpty)
                let text = result.outputText
                let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
                #expect(!text.contains("\u{1B}"))
                #expect(lines[0].hasSuffix(".") && lines[0].count > 12, "a summary: \(lines[0])")
                #expect(lines[1].isEmpty)
                let call = (["execbus"] + command).joined(separator: " ")
                #expect(lines[2].hasPrefix("Usage: \(call)"), "\(lines[2])")
                #expect(lines.allSatisfy { $0.count <= 120 }, "no line is wider than a terminal: \(text)")
                let commandsBelow = rows("Commands:", lines)
                for row in commandsBelow + rows("Arguments:", lines) + rows("Options:", lines) {
                    #expect(row.text.count > 8 && row.text.hasSuffix("."), "\(call): \(row)")
                    #expect(row.text.first?.isUppercase == true, "\(call): \(row)")
                }
                #expect(rows("Options:", lines).contains { $0.name == "--help" })
                commands += commandsBelow.map { command + [$0.name] }
            }
            #expect(walked >= 24, "\(walked) commands were found")
        }

        @Test func `help is found however one asks for it`() async throws {
            let expected = try await Execbus.run(["session", "show", "--help"]).checked().outputText
            for words in [["help", "session", "show"], ["session", "help", "show"], ["session", "show", "-h"]] {
                #expect(try await Execbus.run(words).checked().outputText == expected)
            }
            #expect(
                try await Execbus.run(["help"]).checked().outputText
                    == Execbus.run(["--help"]).checked().outputText)
            for words in [["version"], ["--version"]] {
                #expect(try await Execbus.run(words).checked().outputText.contains(/^execbus \d+\.\d+\.\d+\n$/))
            }
            for words in [[], ["session"]] {
                let result = try await Execbus.run(words)
                #expect(result.status == .exited(2), "a command is missing")
                #expect(result.outputText.contains("Usage: execbus"))
            }
        }

        @Test(arguments: [
            (["submitt"], "did you mean submit?"),
            (["sesion", "list"], "did you mean session?"),
            (["session", "shwo"], "did you mean show?"),
            (["frobnicate"], "execbus has no command frobnicate; see execbus --help"),
            (["watch", "--cuont", "3"], "did you mean --count?"),
            (["watch", "--frobnicate"], "execbus watch has no option --frobnicate; see execbus watch --help"),
            (["watch", "--count"], "--count needs a value: N"),
            (["watch", "--count", "none"], "--count takes a whole number above 0"),
            (["watch", "--json=yes"], "--json takes no value"),
            (["submit"], "needs FILE"),
            (["submit", "/nowhere/workstep.json"], "/nowhere/workstep.json cannot be read: No such file or directory"),
            (["submit", "/dev/null"], "/dev/null is not JSON"),
            (["submit", "a", "b"], "b is one argument too many"),
            (["submit", "/dev/null", "--deadline", "0"], "--deadline takes 0.1 to 60 seconds"),
            (["accept", "x", "--timeout", "soon"], "--timeout takes seconds"),
            (["publish", "srcnet.participant.ping.v1"], "--to KEY says who gets it"),
            (["publish", "x", "--to", "y", "--exchange", "z"], "there is no exchange z"),
            (["topology", "check"], "--amqp amqp://"),
            (["topology", "export", "--sites", "ral,Any Site"], "Any Site is no site's name"),
            (["topology", "export", "--sites", "ral,global"], "global is no site's name"),
            (["up", "--capacity", "ral=4"], "--capacity takes SITE=CORES/GIB"),
            (["up", "--capacity", "mars=4/8"], "mars, which is none of the sites: ral, caen"),
            (["up", "--registry", "/nowhere"], "/nowhere is no OCI image layout"),
            (["up", "--sites", "ral,ral"], "--sites takes different names"),
            (["demo"], "scripts/demo makes both"),
            (["worker", "caverns"], "there is no participant caverns; there are global-execution"),
        ])
        func `wrong usage gets one line that says how it is right`(_ words: [String], _ text: String) async throws {
            try await Execbus.run(words).expectRefused(2, text)
            if !words.contains("--json=yes") {
                try await Execbus.run(words + ["--json"]).expectProblem(2, "urn:execbus:problem:usage", "")
            }
        }

        @Test func `with --json what is wrong is a problem on standard output, with the same exit code`() async throws {
            try await Execbus.run(["session", "list", "--state", "/nowhere", "--json"])
                .expectProblem(7, "urn:execbus:problem:unreachable", "there is no network in /nowhere")
            // After the end of the options it is a word like others.
            let plain = try await Execbus.run(["submit", "--", "--json"])
            plain.expectRefused(2, "--json cannot be read")
            #expect(plain.output.isEmpty)
        }

        /// The rows below a heading of a help text, each with its words joined.
        private func rows(_ heading: String, _ lines: [String]) -> [(name: String, text: String)] {
            guard let start = lines.firstIndex(of: heading) else { return [] }
            var rows: [(name: String, text: String)] = []
            for line in lines[(start + 1)...] {
                if line.isEmpty { break }
                let words = line.split(separator: " ").map(String.init)
                if line.hasPrefix("   ") {
                    rows[rows.count - 1].text += " " + words.joined(separator: " ")
                } else {
                    let hasValue = words[0].hasPrefix("--") && words.count > 1 && words[1].allSatisfy(\.isUppercase)
                    rows.append((words[0], words.dropFirst(hasValue ? 2 : 1).joined(separator: " ")))
                }
            }
            return rows
        }
    }
}
