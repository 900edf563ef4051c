import AMQP
import FoundationEssentials
import Glibc
import LocalNetwork
import MessageBus
import Processes
import Soak
import TestSupport
import Testing
import Wire

extension Scenarios {
    /// Diagram I by the command line, as a person at a shell plays it.
    @Suite struct Commands {
        @Test func `submit shows a table, accept waits and gives the link, cancel ends it`() async throws {
            let network = try await ScenarioNetwork.shared
            try await Worksteps.withFile(Worksteps.notebook()) { file in
                let table = try await network.execbus(["submit", file]).checked().outputText
                let lines = table.split(separator: "\n")
                #expect(lines[0].hasPrefix("offerset "))
                #expect(lines[1].split(separator: " ").prefix(3) == ["#", "site", "ready"])
                let near = try #require(lines.first { $0.contains(" ral ") }, "\(table)")
                #expect(near.contains(" local "))
                #expect(lines.contains { $0.contains(" caen ") && $0.contains("remote, 3.1 MB") }, "\(table)")
                #expect(!table.contains("\u{1B}"), "no colours where nobody sees them")
                let offer = try #require(near.split(separator: " ").last).description

                let accepted = try await network.execbus(["accept", offer]).checked().outputText
                #expect(accepted.contains("AVAILABLE"))
                let link = try #require(accepted.firstMatch(of: /link +(http:[^ \n]+)/)?.1)
                #expect(link.contains(offer) && link.contains("token="))
                for participant in ["prepare-data", "cavern", "harbor", "canfar"] {
                    #expect(accepted.contains(try Regex("\(participant) .* done")), "\(accepted)")
                }
                #expect(!accepted.contains("\u{1B}"))

                let shown = try await network.execbus(["session", "show", offer]).checked().outputText
                #expect(shown.contains(String(link)))
                let listed = try await network.execbus(["session", "list"]).checked().outputText
                let row = try #require(listed.split(separator: "\n").first { $0.hasPrefix(offer) })
                #expect(row.split(separator: " ")[1...2] == ["ral", "AVAILABLE"])
                #expect(
                    try await network.execbus(["session", "cancel", offer]).checked().outputText.contains("CANCELLED"))
                try await expectNothingLeft(of: Offer(session: offer, site: "ral", offerset: [:]))
                try await network.execbus(["session", "cancel", offer]).expectRefused(1, "CANCELLED", "nothing")
            }
        }

        @Test func `with --json every answer is one line of JSON for scripts`() async throws {
            let network = try await ScenarioNetwork.shared
            try await Worksteps.withFile(Worksteps.notebook()) { file in
                let offerset = try await json(network, "submit", file)
                #expect(offerset["result"] == "YES")
                let again = try await json(
                    network, "offers", try #require(offerset["meta"]?["uuid"]?.string))
                #expect(again["offers"]?.array?.count == offerset["offers"]?.array?.count)
                let offers = offerset["offers"]?.array ?? []
                let near = try id(of: "ral", in: offers)
                let accepted = try await json(network, "accept", near)
                #expect(accepted["phase"] == "AVAILABLE")
                #expect(
                    try await network.execbus(["accept", near]).checked().outputText
                        .hasPrefix("accepted before: the session is AVAILABLE\n"))
                #expect(accepted["connectors"]?[0]?["location"]?.string?.hasPrefix("http://127.0.0.1:") == true)
                #expect(try await json(network, "session", "show", near, "--site", "ral")["phase"] == "AVAILABLE")
                let list = try await json(network, "session", "list", "--phase", "AVAILABLE").array ?? []
                #expect(list.contains { $0["session"]?.string == near })
                #expect(list.allSatisfy { $0["phase"] == "AVAILABLE" })
                #expect(try await json(network, "session", "release", near)["phase"] == "RELEASING")
                try await expectNothingLeft(of: Offer(session: near, site: "ral", offerset: [:]))
            }
        }

        @Test func `an offer that is rejected cannot be accepted any more`() async throws {
            let network = try await ScenarioNetwork.shared
            try await Worksteps.withFile(Worksteps.notebook()) { file in
                let offers = try await json(network, "submit", file)["offers"]?.array ?? []
                let far = try id(of: "caen", in: offers)
                #expect(try await json(network, "session", "reject", far)["phase"] == "REJECTED")
                try await network.execbus(["accept", far]).expectRefused(1, "REJECTED")
                _ = try await json(network, "session", "reject", try id(of: "ral", in: offers))
            }
        }

        @Test func `accept without waiting ends when the offer is accepted`() async throws {
            let network = try await ScenarioNetwork.shared
            try await Worksteps.withFile(Worksteps.notebook()) { file in
                let offers = try await json(network, "submit", file)["offers"]?.array ?? []
                let near = try id(of: "ral", in: offers)
                #expect(try await json(network, "accept", near, "--no-wait")["phase"] == "ACCEPTED")
                _ = try await json(network, "session", "cancel", near)
                try await expectNothingLeft(of: Offer(session: near, site: "ral", offerset: [:]))
            }
        }

        @Test func `a workstep is kept, shown and executed`() async throws {
            let network = try await ScenarioNetwork.shared
            try await Worksteps.withFile(Worksteps.notebook(duration: "PT1M")) { file in
                let made = try await json(network, "workstep", "create", file)
                let uuid = try #require(made["uuid"]?.string)
                #expect(try await json(network, "workstep", "show", uuid)["executable"] == made["executable"])
                let table = try await network.execbus(["workstep", "execute", uuid]).checked().outputText
                #expect(table.hasPrefix("offerset ") && table.contains(" ral "))
                let submitted = try await withTemporaryFolder { folder in
                    try PrivateFile.write(Array(#"{"uuid": "\#(uuid)"}"#.utf8), to: folder + "/uuid.json")
                    return try await json(network, "submit", folder + "/uuid.json")
                }
                #expect(submitted["offers"]?[0]?["workstep"]?["uuid"]?.string == uuid)
                try await giveBack(network)
            }
        }

        @Test func `each participant answers a ping`() async throws {
            let network = try await ScenarioNetwork.shared
            let lines = try await network.execbus(["ping", "--json"]).checked().outputText.split(separator: "\n")
            #expect(lines.count == 13)
            for line in lines {
                let answer = try JSON(parsing: Array(line.utf8))
                #expect(answer["version"] == "0.1.0")
                #expect((answer["milliseconds"]?.double ?? -1) > 0)
            }
            #expect(try await network.execbus(["ping", "cavern.ral"]).checked().outputText.contains("cavern.ral"))
            try await network.execbus(["ping", "cavern.nowhere"]).expectRefused(7, "1 of 1 did not answer")
        }

        @Test func `publish sends any message and shows its answer`() async throws {
            let network = try await ScenarioNetwork.shared
            let nobody = BadInput.nobody
            let made = try await json(
                network, "publish", "srcnet.workstep.create.v1", "--to", "workstep-editor", "--body",
                #"{"from": "empty"}"#, "--id", "publish-\(nobody)")
            let again = try await json(
                network, "publish", "srcnet.workstep.create.v1", "--to", "workstep-editor", "--body",
                #"{"from": "empty"}"#, "--id", "publish-\(nobody)")
            #expect(made["uuid"] != nil)
            #expect(again["uuid"] == made["uuid"], "the same id has one effect")
            try await network.execbus([
                "publish", "srcnet.session.get.v1", "--to", "execution-broker.ral", "--body",
                #"{"session": "\#(nobody)"}"#,
            ]).expectRefused(1, nobody)
            try await network.execbus([
                "publish", "srcnet.session.get.v1", "--to", "execution-broker.ral", "--body", "{",
            ]).expectRefused(1, "JSON")
            try await network.execbus(["publish", "srcnet.participant.ping.v1", "--to", "cavern.ral"])
                .expectRefused(3, "cavern.ral", "alice", "--user operator may ask every participant")
            try await withTemporaryFolder { folder in
                let file = folder + "/body.json"
                try PrivateFile.write(Array("{ not JSON".utf8), to: file)
                let words = ["publish", "srcnet.session.get.v1", "--to", "execution-broker.ral", "--file", file]
                try await network.execbus(words).expectRefused(2, "\(file) is not JSON")
                try await network.execbus(words + ["--raw"]).expectRefused(1, "The body is not a JSON object: ")
                try await network.execbus(words + ["--raw", "--json"])
                    .expectProblem(1, "urn:srcnet:problem:malformed", "not JSON")
            }
            let quiet = try await network.execbus([
                "publish", "srcnet.workstep.create.v1", "--to", "workstep-editor", "--body", #"{"from": "empty"}"#,
                "--wait", "0",
            ]).checked()
            #expect(quiet.output.isEmpty)
        }

        @Test func `watch shows each phase of a session in order`() async throws {
            let network = try await ScenarioNetwork.shared
            let arguments = ["watch", "session.#", "--state", network.folder.path]
            try await withLongCommand(arguments + ["--json"]) { machine in
                // Who may only hear may watch as well.
                try await withLongCommand(arguments + ["--user", "dave"]) { person in
                    let isHearing = await eventually {
                        machine.complaints == ["hears session.# as alice"]
                            && person.complaints == ["hears session.# as dave"]
                    }
                    try #require(isHearing, "\(machine.complaints) \(person.complaints)")
                    try await Scientist.with { scientist in
                        let offer = try await scientist.offer(at: "ral")
                        try await scientist.accept(offer)
                        try await scientist.wait(for: "AVAILABLE", offer)
                        try await scientist.set("RELEASING", offer)
                        try await scientist.wait(for: "COMPLETED", offer)
                        try await expectNothingLeft(of: offer)
                        let phases = ["OFFERED", "ACCEPTED", "PREPARING", "AVAILABLE", "RELEASING", "COMPLETED"]
                        func events() throws -> [JSON] {
                            try machine.lines.map { try JSON(parsing: Array($0.utf8)) }
                                .filter { $0["body"]?["session"]?.string == offer.session }
                        }
                        func shown() -> [String] {
                            person.lines.filter { $0.contains(offer.session) }
                        }
                        let came = try await eventually {
                            try events().count == phases.count && shown().count == phases.count
                        }
                        #expect(came)
                        let heard = try events()
                        #expect(heard.compactMap { $0["body"]?["phase"]?.string } == phases)
                        #expect(heard.compactMap { $0["sequence"]?.int } == Array(1...6))
                        #expect(heard[3]["key"]?.string == "session.ral.available.\(offer.session)")
                        for (line, phase) in zip(shown(), phases) {
                            #expect(line.contains(" session \(phase.lowercased()) at ral  \(offer.session)"))
                            #expect(!line.contains("\u{1B}"))
                        }
                    }
                }
            }
        }

        @Test func `watch ends after so many events`() async throws {
            let network = try await ScenarioNetwork.shared
            try await withLongCommand(
                ["watch", "workstep.#", "--count", "2", "--json", "--state", network.folder.path]
            ) { watch in
                try #require(await eventually { !watch.complaints.isEmpty })
                for _ in 0..<3 { _ = try await json(network, "workstep", "create") }
                let status = await watch.process.wait(upTo: .seconds(20))
                #expect(status == .exited(0))
                #expect(watch.lines.count == 2)
                #expect(
                    try JSON(parsing: Array(try #require(watch.lines.first).utf8))["type"] == "srcnet.event.workstep.v1"
                )
            }
        }

        @Test func `the topology of a running network is as it should be`() async throws {
            let network = try await ScenarioNetwork.shared
            let well = try await Execbus.run(["topology", "check", "--amqp", network.uri(of: "operator")]).checked()
            #expect(well.outputText == "exchanges and queues are as they should be\n")
            #expect(try await network.execbus(["topology", "check", "--json"]).checked().json == [])
            try await Execbus.run([
                "topology", "check", "--sites", "ral,elsewhere", "--amqp", network.uri(of: "operator"),
            ]).expectFindings("cavern.elsewhere")
            try await Execbus.run(["topology", "check", "--amqp", network.uri(of: "alice")]).expectRefused(3, "alice")
            let export = try await Execbus.run(["topology", "export", "--sites", "ral,caen"]).checked().json
            let queues = (export["queues"]?.array ?? []).compactMap { $0["name"]?.string }
            #expect(Set(["cavern.ral", "cavern.caen", "global-execution", "history"]).isSubset(of: queues))
        }

        // MARK: Exit codes

        @Test func `who is denied is told the rule and the reason`() async throws {
            let network = try await ScenarioNetwork.shared
            try await Worksteps.withFile(Worksteps.notebook()) { file in
                try await network.execbus(["submit", file, "--user", "bob"])
                    .expectRefused(3, "not allowed", "bob", "guests have no allocation")
                let offers = try await json(network, "submit", file, "--user", "carol")["offers"]?.array ?? []
                let offer = try id(of: "ral", in: offers)
                try await network.execbus(["accept", offer, "--user", "carol"])
                    .expectRefused(3, "a supervisor has to accept the offer")
                try await network.execbus(["session", "show", offer]).expectRefused(
                    1, offer, "no session or offer of yours")
                for options in [[], ["--site", "caen"]] {
                    try await network.execbus(["accept", offer] + options).expectRefused(4, offer)
                }
                try await giveBack(network, "carol")
                let denied = try await network.execbus(["submit", file, "--user", "bob", "--json"])
                denied.expectProblem(3, "urn:srcnet:problem:not-authorised", "guests have no allocation")
                #expect(try denied.json["rule"] == "guests-do-not-submit", "the participant's own, whole")
                for words in [["submit", file], ["ping"]] {
                    try await network.execbus(words + ["--user", "dave"])
                        .expectRefused(3, "dave may hear events only", "and not ask", "--user")
                }
                let refused = try await network.execbus(["ping", "cavern.ral", "--user", "alice"])
                refused.expectRefused(3, "alice may not ask 1 of 1", "operator")
                #expect(refused.outputText.contains("not allowed") && !refused.outputText.contains("no answer"))
            }
        }

        @Test func `where no site can, each site's reason is shown`() async throws {
            let network = try await ScenarioNetwork.shared
            try await Worksteps.withFile(Worksteps.notebook(cores: 1_000)) { file in
                let result = try await network.execbus(["submit", file])
                result.expectRefused(4, "no site makes an offer")
                for site in ["ral", "caen"] {
                    #expect(
                        result.outputText.contains(try Regex("no offer from \(site): .*1000")), "\(result.outputText)")
                }
                let json = try await network.execbus(["submit", file, "--json"])
                json.expectRefused(4)
                #expect(try json.json["result"] == "NO", "the answer itself, and no problem after it")
            }
        }

        @Test func `a session that fails is shown with its reason`() async throws {
            let network = try await ScenarioNetwork.shared
            try await Worksteps.withFile(Worksteps.notebook(image: SessionImage.failing)) { file in
                let offers = try await json(network, "submit", file)["offers"]?.array ?? []
                let offer = try id(of: "ral", in: offers)
                let result = try await network.execbus(["accept", offer])
                result.expectRefused(5, "the session is FAILED", "this image cannot start")
                #expect(result.outputText.contains(/canfar .* failed/))
                try await expectNothingLeft(of: Offer(session: offer, site: "ral", offerset: [:]))
            }
        }

        @Test func `accept tells when a later session starts, waits from then on, and says that it goes on without it`()
            async throws
        {
            let network = try await ScenarioNetwork.shared
            // All of the site, so that the second comes after the first.
            try await giveBack(network)
            let whole = Worksteps.notebook(cores: 16, memory: 16, duration: "PT12S")
            try await Worksteps.withFile(whole) { file in
                let first = try id(of: "ral", in: try await json(network, "submit", file)["offers"]?.array ?? [])
                _ = try await json(network, "accept", first, "--no-wait")
                let second = try id(of: "ral", in: try await json(network, "submit", file)["offers"]?.array ?? [])
                // It begins when the first has ended: to wait for so short a time from the acceptance would not do.
                let accepted = try await network.execbus(["accept", second, "--timeout", "10"]).checked().outputText
                #expect(
                    accepted.contains(
                        /^accepted: the session waits; its preparation begins in \d+ s \(.*Z\), and it starts in \d+ s \(/
                    ),
                    "\(accepted)")
                #expect(accepted.contains("AVAILABLE"))
                let third = try id(of: "ral", in: try await json(network, "submit", file)["offers"]?.array ?? [])
                let harbor = try network.pid(of: "harbor.ral")
                // One of its preparations does not go on.
                kill(harbor, SIGSTOP)
                defer { kill(harbor, SIGCONT) }
                let late = try await network.execbus(["accept", third, "--timeout", "0.5"])
                late.expectRefused(
                    6, "the session is not there 500 ms after its start; it is PREPARING and goes on",
                    "`execbus session show \(third) --state \(network.folder.path)` shows it again")
                kill(harbor, SIGCONT)
                _ = try await json(network, "session", "cancel", third)
                try await giveBack(network)
            }
        }

        @Test func `an accept that is interrupted says that the session goes on`() async throws {
            let network = try await ScenarioNetwork.shared
            try await Worksteps.withFile(Worksteps.notebook()) { file in
                let offer = try id(of: "ral", in: try await json(network, "submit", file)["offers"]?.array ?? [])
                let harbor = try network.pid(of: "harbor.ral")
                kill(harbor, SIGSTOP)
                defer { kill(harbor, SIGCONT) }
                try await withLongCommand(["accept", offer, "--state", network.folder.path]) { accept in
                    try #require(await eventually { accept.lines.first?.hasPrefix("accepted: ") == true })
                    accept.process.signal(SIGINT)
                    #expect(await accept.process.wait(upTo: .seconds(20)) == .exited(130))
                    #expect(accept.complaints.count == 1)
                    #expect(accept.complaints.first?.contains("goes on: `execbus session show \(offer)") == true)
                }
                kill(harbor, SIGCONT)
                _ = try await json(network, "session", "cancel", offer)
                try await expectNothingLeft(of: Offer(session: offer, site: "ral", offerset: [:]))
            }
        }

        @Test func `sessions are listed live ones first, then offers, then what has ended, each newest first`()
            async throws
        {
            let network = try await ScenarioNetwork.shared
            try await giveBack(network)
            try await Worksteps.withFile(Worksteps.notebook()) { file in
                func offer() async throws -> String {
                    try id(of: "ral", in: try await json(network, "submit", file)["offers"]?.array ?? [])
                }
                let ended = try await offer()
                _ = try await json(network, "session", "reject", ended)
                let older = try await offer()
                let live = try await offer()
                _ = try await json(network, "accept", live, "--no-wait")
                let newer = try await offer()
                func order(_ text: String) -> [String] {
                    [live, newer, older, ended].sorted { one, other in
                        guard let first = text.firstRange(of: one), let second = text.firstRange(of: other) else {
                            return false
                        }
                        return first.lowerBound < second.lowerBound
                    }
                }
                let expected = [live, newer, older, ended]
                let isKnown = try await eventually {
                    order(try await json(network, "session", "list").text) == expected
                }
                let listed = try await json(network, "session", "list").text
                #expect(isKnown, "\(expected): \(listed)")
                let table = try await network.execbus(["session", "list"]).checked().outputText
                #expect(order(table) == expected, "\(table)")
                #expect(table.contains(try Regex("\(ended) +ral +REJECTED .* ago")), "\(table)")
                let shown = try await network.execbus(["session", "show", ended]).checked().outputText
                #expect(shown.split(separator: "\n").allSatisfy { $0.first?.isLetter == true }, "a name each: \(shown)")
                _ = try await json(network, "session", "cancel", live)
                try await giveBack(network)
                try await expectNothingLeft(of: Offer(session: live, site: "ral", offerset: [:]))
            }
        }

        @Test func `who does not answer in time is named`() async throws {
            let network = try await ScenarioNetwork.shared
            let broker = try network.pid(of: "execution-broker.caen")
            kill(broker, SIGSTOP)
            defer { kill(broker, SIGCONT) }
            try await network.execbus([
                "publish", "srcnet.session.list.v1", "--to", "execution-broker.caen", "--wait", "0.3",
            ]).expectRefused(6, "execution-broker.caen did not answer within 0.3 s")
        }

        @Test func `what nobody knows is said to be unknown`() async throws {
            let network = try await ScenarioNetwork.shared
            let nobody = BadInput.nobody
            try await network.execbus(["session", "show", nobody]).expectRefused(1, nobody)
            try await network.execbus(["session", "show", nobody, "--json"])
                .expectProblem(1, "urn:srcnet:problem:not-found", nobody)
            let unknown = try await network.execbus(["offers", "1", "--json"])
            unknown.expectProblem(1, "urn:srcnet:problem:invalid", "/uuid")
            #expect(try unknown.json["errors"]?[0]?["pointer"] == "/uuid")
            let silent = try await network.execbus(["ping", "cavern.nowhere", "--json"])
            silent.expectRefused(7)
            #expect(try silent.json["problem"]?["type"] == "urn:execbus:problem:unreachable")
            try await network.execbus(["session", "show", nobody, "--site", "ral"]).expectRefused(1, nobody, "ral")
            try await network.execbus(["session", "cancel", nobody, "--site", "nowhere"])
                .expectRefused(7, "execution-broker.nowhere")
            try await network.execbus(["accept", nobody]).expectRefused(4, nobody)
            try await network.execbus(["offers", nobody]).expectRefused(1, nobody)
            try await network.execbus(["offers", "1"]).expectRefused(1, "/uuid: must be a UUID")
            try await network.execbus(["workstep", "show", nobody]).expectRefused(1, nobody)
            try await network.execbus(["session", "list", "--phase", "SLEEPING"]).expectRefused(1, "/phase", "OFFERED")
            try await network.execbus(["session", "list", "--user", "nobody"]).expectRefused(2, "nobody", "alice")
        }

        @Test func `a network that is not there is told from a RabbitMQ that is not there`() async throws {
            try await Execbus.run(["session", "list", "--state", "/nowhere"])
                .expectRefused(7, "there is no network in /nowhere", "execbus up --state /nowhere")
            let port = try FreePort.find(1)[0]
            let uri = "amqp://alice:secret@127.0.0.1:\(port)/execbus"
            try await Execbus.run(["session", "list"], environment: ["EXECBUS_AMQP": uri])
                .expectRefused(7, "no RabbitMQ answers at 127.0.0.1:\(port)", "start it")
            let network = try await ScenarioNetwork.shared
            let wrong = try network.uri(of: "alice").replacing(/alice:[^@]*@/, with: "alice:secret@")
            let refused = try await Execbus.run(["session", "list"], environment: ["EXECBUS_AMQP": wrong])
            refused.expectRefused(3, "refuses the user alice")
            #expect(!refused.errorText.contains("secret"))
            try await Execbus.run(["session", "list"], environment: ["EXECBUS_AMQP": "http://127.0.0.1"])
                .expectRefused(2, "http")
        }

        @Test func `of many questions at once each gets its answer, those too that RabbitMQ refuses`() async throws {
            let network = try await ScenarioNetwork.shared
            try await network.withClient { client in
                let keys = ["workstep-editor", "nobody", "cavern.ral"]
                let answers = await withTaskGroup(of: String.self) { group in
                    for number in 0..<150 {
                        group.addTask {
                            do throws(BusClientError) {
                                let answer = try await client.request(
                                    "srcnet.participant.ping.v1", of: keys[number % keys.count], [:],
                                    patience: .seconds(20))
                                return answer.type
                            } catch {
                                switch error {
                                case .noReceiver: return "nobody"
                                case .connection(let error): return error.code.description
                                default: return "\(error)"
                                }
                            }
                        }
                    }
                    return await group.reduce(into: [String: Int]()) { $0[$1, default: 0] += 1 }
                }
                // A refused message takes the channel with it, and others that were on their way.
                let known: Set<String> = ["srcnet.participant.v1", "nobody", "accessRefused", "channelClosed"]
                #expect(Set(answers.keys).isSubset(of: known), "\(answers)")
                #expect(answers.values.reduce(0, +) == 150)
            }
        }

        // MARK: Parts

        private func json(_ network: ScenarioNetwork, _ arguments: String...) async throws -> JSON {
            let result = try await network.execbus(arguments + ["--json"]).checked()
            #expect(result.outputText.split(separator: "\n").count == 1)
            #expect(result.errors.isEmpty, "\(result.errorText)")
            return try result.json
        }

        private func id(of site: String, in offers: [JSON]) throws -> String {
            try #require(offers.first { $0["site"]?.string == site }?["meta"]?["uuid"]?.string)
        }

        /// Gives back what is offered to a user, so that later scenarios meet no quota.
        private func giveBack(_ network: ScenarioNetwork, _ user: String = "alice") async throws {
            let offered = try await json(network, "session", "list", "--phase", "OFFERED", "--user", user)
            for session in (offered.array ?? []).compactMap({ $0["session"]?.string }) {
                _ = try await network.execbus(["session", "reject", session, "--user", user])
            }
        }
    }
}

extension RunResult {
    /// Checks that `topology check` names something that is missing.
    fileprivate func expectFindings(_ name: String) {
        expectRefused(1, "not as they should be")
        #expect(outputText.contains(name), "\(outputText)")
    }
}
