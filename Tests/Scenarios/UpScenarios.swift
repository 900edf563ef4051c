import ExecutionModel
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
    /// `execbus up`: what it tells other programs, what it starts again, and how it ends.
    @Suite struct Up {
        @Test func `network json tells where the network is, to its owner alone`() async throws {
            let network = try await ScenarioNetwork.shared
            let path = network.folder.path + "/network.json"
            var entry = stat()
            #expect(stat(path, &entry) == 0)
            #expect(entry.st_mode & 0o7777 == 0o600)
            let text = try #require(PrivateFile.read(path))
            let json = try JSON(parsing: text)
            #expect(try #require(json["amqp"]?.string).contains(/^amqp:\/\/127\.0\.0\.1:\d+\/execbus$/))
            #expect(json["sites"] == ["ral", "caen"])
            let workers = json["workers"]?.array ?? []
            #expect(workers.count == 13)
            for worker in workers {
                let name = try #require(worker["name"]?.string.flatMap(ParticipantName.init))
                #expect(name.isAtSite == (worker["site"] != nil))
                let pid = Int32(try #require(worker["pid"]?.int))
                let words = Self.commandLine(of: pid)
                #expect(words.prefix(3).dropFirst() == ["worker", name.rawValue], "\(words)")
                #expect(!words.joined().contains("amqp://"), "no password among the arguments, which all may read")
            }
            let users = json["users"]?.array ?? []
            #expect(users.compactMap { $0["name"]?.string } == ["alice", "bob", "carol", "dave", "operator"])
            for user in users {
                #expect((user["password"]?.string ?? "").count >= 20)
                #expect(user["groups"]?.array?.isEmpty == false)
                #expect(user["may"]?.string?.isEmpty == false)
            }
            let told = users.compactMap { $0["may"]?.string }
            for words in ["everything", "denied when the request comes", "denied when the offer is accepted", "hear"] {
                #expect(told.contains { $0.contains(words) })
            }
        }

        @Test(arguments: ["permissions", "harbor.caen"])
        func `a worker that is killed is started again, and answers`(_ address: String) async throws {
            let network = try await ScenarioNetwork.shared
            let before = try network.pid(of: address)
            kill(before, SIGKILL)
            let isAnother = await eventually(within: .seconds(30)) {
                guard let pid = try? network.pid(of: address) else { return false }
                return pid != before
            }
            try #require(isAnother, "\(address) is not started again")
            let answer = try await network.execbus(["ping", address, "--json"])
            #expect(answer.status == .exited(0), "\(answer)")
            #expect(try answer.json["instance"]?.string == String(try network.pid(of: address)))
            #expect(try network.description.workers.count == 13)
        }

        @Test(.timeLimit(.minutes(4)))
        func `a RabbitMQ that is killed is started again, and what was offered before becomes a session`() async throws
        {
            let shared = try await ScenarioNetwork.shared
            try await withTemporaryFolder { root in
                let folder = NetworkFolder(root + "/net")
                let options = ["--state", folder.path, "--registry", shared.registry, "--quiet"]
                try await withUp(options, folder) { up in
                    try await Observation.register(in: folder)
                    let network = try NetworkDescription(readingFrom: folder.path)
                    let alice = try #require(network.users.first { $0.name == "alice" })
                    try await withLongCommand(["watch", "session.#", "--state", folder.path]) { watch in
                        try #require(await eventually { watch.complaints == ["hears session.# as alice"] })
                        try await Scientist.with(uri: network.uri(of: alice)) { scientist in
                            let offer = try await scientist.offer(at: "ral")
                            try Self.killRabbitMQ(of: folder)
                            let isBack = await eventually(within: .seconds(90)) { up.complaints.count >= 2 }
                            try #require(isBack, "\(up.complaints)")
                            #expect(up.complaints[0].hasPrefix("RabbitMQ ended (signal 9) and is started again in "))
                            #expect(up.complaints[1].hasPrefix("RabbitMQ is back after "))
                            let hearsAgain = await eventually(within: .seconds(60)) { watch.complaints.count >= 3 }
                            try #require(hearsAgain, "\(watch.complaints)")
                            #expect(
                                watch.complaints[1].hasPrefix("hears nothing, and misses events until it is back: "))
                            #expect(watch.complaints[2].hasPrefix("hears session.# again after "))
                            #expect(watch.complaints[2].hasSuffix("; events in between were missed"))
                            // Workers try again at growing distances, so some come back later than others.
                            let answers = try await eventually(within: .seconds(60)) {
                                try await Execbus.run(["ping", "--state", folder.path]).status == .exited(0)
                            }
                            try #require(answers, "each worker is back")
                            try await scientist.accept(offer, phases: ["AVAILABLE", "COMPLETED"], once: false)
                            try await scientist.callbacks(offer, count: 1)
                            #expect(try await scientist.open(scientist.session(offer)).with == 200)
                            try await scientist.set("RELEASING", offer)
                            #expect(try await scientist.callbacks(offer, count: 2)[1].body["phase"] == "COMPLETED")
                            try await expectNothingLeft(of: offer)
                            let isShown = await eventually {
                                watch.lines.contains { $0.contains(" session completed at ral  \(offer.session)") }
                            }
                            #expect(isShown, "\(watch.lines)")
                        }
                    }
                    #expect(try NetworkDescription(readingFrom: folder.path).amqp == network.amqp, "the same port")
                    #expect(up.complaints.count == 2, "no worker has died of it: \(up.complaints)")
                    try await Self.killAll(up, folder)
                }
            }
        }

        /// Kills `up` itself, so that nothing of it can take leave: commands find what it has left.
        private static func killAll(_ up: LongCommand, _ folder: NetworkFolder) async throws {
            let serving = try await Execbus.run(["status", "--json", "--state", folder.path]).checked().json
            #expect(serving["state"] == "serving")
            #expect(serving["pid"]?.int == Int64(up.process.pid))
            #expect(!serving.text.contains("password"))
            let started = descendants(of: up.process.pid)
            kill(up.process.pid, SIGKILL)
            #expect(await eventually(within: .seconds(20)) { started.allSatisfy { !$0.isAlive } })
            try await Execbus.run(["session", "list", "--state", folder.path])
                .expectRefused(7, "no network runs in \(folder.path) any more", "execbus up --state \(folder.path)")
            let killed = try await Execbus.run(["status", "--json", "--state", folder.path])
            killed.expectRefused(7, "was killed")
            #expect(try killed.json["state"] == "killed")
        }

        @Test func `a network that starts or stops is left alone, also by a demo that is to begin anew`() async throws {
            try await withTemporaryFolder { root in
                let folder = NetworkFolder(root + "/net")
                let claim = try await NetworkClaim(folder)
                try PrivateFile.write([1], to: folder.path + "/policy.json")
                try await Execbus.run([
                    "demo", "--anew", "--state", folder.path, "--registry", root, "--observation", root,
                ]).expectRefused(1, "another network runs on \(folder.path) (process \(getpid()))")
                #expect(FileManager.default.fileExists(atPath: folder.path + "/policy.json"))
                try await Execbus.run(["session", "list", "--state", folder.path])
                    .expectRefused(7, "the network in \(folder.path)", "is starting or stopping: wait")
                let busy = try await Execbus.run(["status", "--json", "--state", folder.path])
                busy.expectRefused(7, "starting or stopping")
                #expect(try busy.json["state"] == "busy")
                claim.release()
                try await Execbus.run(["status", "--state", folder.path])
                    .expectRefused(7, "there is no network in \(folder.path)")
            }
        }

        @Test func `status says where a network is, and who its users are`() async throws {
            let network = try await ScenarioNetwork.shared
            let text = try await network.execbus(["status"]).checked().outputText
            for words in [try network.description.amqp, "ral, caen", "workers    13", "dave", "hear events only"] {
                #expect(text.contains(words), "\(text)")
            }
        }

        /// Kills the Erlang node, as the kernel does when memory is short.
        private static func killRabbitMQ(of folder: NetworkFolder) throws {
            let node = try #require(PrivateFile.read(folder.rabbitMQ + "/node"), "which process it is")
            let pid = try #require(
                String(decoding: node, as: UTF8.self).split(separator: " ").first.flatMap { Int32($0) })
            #expect(PrivateFile.read("/proc/\(pid)/comm") == Array("beam.smp\n".utf8))
            kill(pid, SIGKILL)
        }

        @Test func `a second network on the same folder is refused, and the first goes on`() async throws {
            let network = try await ScenarioNetwork.shared
            let before = try network.description
            try await Execbus.run(["up", "--state", network.folder.path])
                .expectRefused(
                    1, "another network runs on \(network.folder.path) (process ", "stop it, or choose another folder")
            #expect(try network.description == before)
            #expect(try await network.execbus(["ping", "permissions"]).status == .exited(0))
        }

        @Test(.enabled(if: Mounts.arePossible, "only root can hide the machine's RabbitMQ"))
        func `without RabbitMQ on the machine one line says how to install it`() async throws {
            try await withTemporaryFolder { folder in
                // Debian's places are looked at whatever PATH says.
                let hide = """
                    for folder in /usr/sbin /usr/lib/rabbitmq /opt/rabbitmq; do
                        [ ! -d $folder ] || mount -t tmpfs none $folder
                    done
                    exec "$@"
                    """
                let program = try ScenarioNetwork.program()
                let environment = Execbus.clean.merging(["PATH": "/usr/bin:/bin"]) { $1 }
                let result = try await Processes.run(
                    ProcessSettings(
                        "unshare", ["--mount", "sh", "-c", hide, "sh", program, "up", "--state", folder + "/net"],
                        environment: environment), deadline: .seconds(30))
                result.expectRefused(1, "RabbitMQ is not installed", "apt-get install rabbitmq-server")
            }
        }

        @Test func `a folder that RabbitMQ cannot use is refused at once`() async throws {
            try await withTemporaryFolder { folder in
                try await Execbus.run(["up", "--state", folder + "/with space"])
                    .expectRefused(1, "cannot use a folder with such a name")
            }
        }

        @Test func `SIGTERM ends everything, and the next start finds offers, sessions and worksteps again`()
            async throws
        {
            let shared = try await ScenarioNetwork.shared
            try await withTemporaryFolder { root in
                let folder = NetworkFolder(root + "/net")
                let options = [
                    "--state", folder.path, "--registry", shared.registry, "--capacity", "ral=8/16,caen=8/16",
                ]
                var story = Story()
                try await withUp(options, folder) { up in
                    try await Observation.register(in: folder)
                    story = try await begin(folder)
                    let started = Self.descendants(of: up.process.pid)
                    #expect(started.count >= 15, "13 workers, RabbitMQ and its epmd: \(started)")
                    #expect(!processes(of: story.session).isEmpty)
                    up.process.signal(SIGTERM)
                    #expect(await up.process.wait(upTo: .seconds(40)) == .exited(0))
                    let left = started.filter { $0.isAlive }
                    #expect(left.isEmpty, "left: \(left.map { Self.commandLine(of: $0.pid) })")
                    #expect(processes(of: story.session).isEmpty)
                    #expect(!FileManager.default.fileExists(atPath: folder.path + "/network.json"))
                    try await Execbus.run(["session", "list", "--state", folder.path])
                        .expectRefused(7, "there is no network in \(folder.path)")
                    #expect(up.lines.last == "stopped; what it knew is kept in \(folder.path)")
                    #expect(up.complaints.isEmpty, "\(up.complaints)")
                }
                try await withUp(options, folder) { up in
                    try await goOn(story, folder)
                    up.process.signal(SIGTERM)
                    #expect(await up.process.wait(upTo: .seconds(40)) == .exited(0))
                }
            }
        }

        // MARK: Parts

        private struct Story {
            var session = ""
            var offer = ""
            var offerset = ""
            var workstep = ""
            var password = ""
        }

        private func begin(_ folder: NetworkFolder) async throws -> Story {
            try await Worksteps.withFile(Worksteps.notebook()) { file in
                var story = Story()
                let first = try await json(folder, "submit", file)
                story.session = try #require(first["offers"]?[0]?["meta"]?["uuid"]?.string)
                #expect(try await json(folder, "accept", story.session)["phase"] == "AVAILABLE")
                let second = try await json(folder, "submit", file)
                story.offerset = try #require(second["meta"]?["uuid"]?.string)
                story.offer = try #require(second["offers"]?[0]?["meta"]?["uuid"]?.string)
                story.workstep = try #require(try await json(folder, "workstep", "create", file)["uuid"]?.string)
                story.password = try #require(
                    NetworkDescription(readingFrom: folder.path).users.first { $0.name == "alice" }?.password)
                return story
            }
        }

        private func goOn(_ story: Story, _ folder: NetworkFolder) async throws {
            let network = try NetworkDescription(readingFrom: folder.path)
            #expect(network.users.first { $0.name == "alice" }?.password == story.password)
            #expect(try await json(folder, "workstep", "show", story.workstep)["revision"] == 1)
            #expect(try await json(folder, "offers", story.offerset)["result"] == "YES")
            #expect(try await json(folder, "session", "show", story.offer)["phase"] == "OFFERED")
            // Its container has ended with the network, so it is lost, and says so.
            let isOver = try await eventually(within: .seconds(20)) {
                try await json(folder, "session", "show", story.session)["phase"] == "FAILED"
            }
            let session = try await json(folder, "session", "show", story.session)
            #expect(isOver, "\(session.text)")
            #expect(session["reason"]?.string?.contains("lost") == true, "\(session.text)")
            // The offer still holds what it offered, and can be taken.
            #expect(try await json(folder, "accept", story.offer)["phase"] == "AVAILABLE")
            _ = try await json(folder, "session", "cancel", story.offer)
        }

        private func json(_ folder: NetworkFolder, _ arguments: String...) async throws -> JSON {
            try await Execbus.run(arguments + ["--json", "--state", folder.path]).checked().json
        }

        private static func commandLine(of pid: Int32) -> [String] {
            (FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") ?? Data()).split(separator: 0)
                .map { String(decoding: $0, as: UTF8.self) }
        }

        /// All processes below one.
        private static func descendants(of pid: Int32) -> [ProcessIdentity] {
            let text = FileManager.default.contents(atPath: "/proc/\(pid)/task/\(pid)/children") ?? Data()
            let others = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task")) ?? []
            var found = String(decoding: text, as: UTF8.self)
            for task in others where task != String(pid) {
                let more = FileManager.default.contents(atPath: "/proc/\(pid)/task/\(task)/children") ?? Data()
                found += " " + String(decoding: more, as: UTF8.self)
            }
            let children = found.split(whereSeparator: \.isWhitespace).compactMap { Int32($0) }
            return children.flatMap { child in [ProcessIdentity(of: child)].compactMap { $0 } + descendants(of: child) }
        }
    }
}
