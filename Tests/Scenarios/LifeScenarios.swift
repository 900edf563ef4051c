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
    /// How a session's life ends, and what does not end it.
    @Suite struct Lives {
        @Test(arguments: ["ral", "caen"])
        func `a session whose time is over ends by itself, and all of it is released`(_ site: String) async throws {
            try await Scientist.with { scientist in
                let offer = try await scientist.offer(at: site, Worksteps.notebook(duration: "PT5S"))
                try await scientist.accept(offer)
                try await scientist.callbacks(offer, count: 1)
                try await scientist.wait(for: "COMPLETED", offer, within: .seconds(40))
                // The warning before the end is no phase.
                let phases = scientist.facts.about(offer.session).filter {
                    $0.key.hasPrefix("session.") && !$0.key.contains(".ending.")
                }
                #expect(
                    phases.compactMap { $0.body["phase"]?.string }
                        == ["OFFERED", "ACCEPTED", "PREPARING", "AVAILABLE", "RELEASING", "COMPLETED"])
                let times = Dictionary(
                    phases.compactMap { event in
                        event.body["phase"]?.string.flatMap { phase in event.time.map { (phase, $0) } }
                    }, uniquingKeysWith: { first, _ in first })
                let available = try #require(times["AVAILABLE"])
                let releasing = try #require(times["RELEASING"])
                #expect(releasing - available > .seconds(3), "it is not cut short")
                #expect(releasing - available < .seconds(12), "nor given more than its time: \(releasing - available)")
                let callbacks = try await scientist.callbacks(offer, count: 2)
                #expect(callbacks.map { $0.body["phase"] } == ["AVAILABLE", "COMPLETED"])
                try await expectNothingLeft(of: offer)
                #expect(await problem { try await scientist.set("CANCELLED", offer) }?.kind == .refusedTransition)
            }
        }

        @Test func `a session whose program ends well is completed`() async throws {
            try await Scientist.with { scientist in
                let offer = try await scientist.offer(at: "ral")
                try await scientist.accept(offer)
                try await scientist.callbacks(offer, count: 1)
                try await scientist.quit(scientist.session(offer))
                let last = try await scientist.callbacks(offer, count: 2)[1]
                #expect(last.body["phase"] == "COMPLETED")
                #expect(try await scientist.session(offer)["status"] == "completed")
                try await expectNothingLeft(of: offer)
            }
        }

        @Test func `a session whose processes are killed has failed`() async throws {
            try await Scientist.with { scientist in
                let offer = try await scientist.offer(at: "ral")
                try await scientist.accept(offer)
                try await scientist.callbacks(offer, count: 1)
                for pid in processes(of: offer.session).compactMap({ Int32($0) }) { kill(pid, SIGKILL) }
                let last = try await scientist.callbacks(offer, count: 2)[1]
                #expect(last.body["phase"] == "FAILED")
                let reason = try await scientist.session(offer)["reason"]?.string
                #expect(reason?.contains("137") == true, "\(reason ?? "no reason")")
                try await expectNothingLeft(of: offer)
            }
        }

        @Test(arguments: [1, 3])
        func `a session outlives its canfar, however often that is killed`(_ times: Int) async throws {
            let network = try await ScenarioNetwork.shared
            try await Scientist.with { scientist in
                let offer = try await scientist.offer(at: "ral")
                try await scientist.accept(offer)
                try await scientist.callbacks(offer, count: 1)
                let session = try await scientist.session(offer)
                let servers = Set(processes(of: offer.session))
                for _ in 0..<times {
                    let before = try network.pid(of: "canfar.ral")
                    kill(before, SIGKILL)
                    // Meanwhile the session goes on, since nothing of it passes through its worker.
                    #expect(try await scientist.open(session).with == 200)
                    let isAnother = await eventually(within: .seconds(30)) {
                        (try? network.pid(of: "canfar.ral")).map { $0 != before } ?? false
                    }
                    try #require(isAnother)
                    #expect(try await network.execbus(["ping", "canfar.ral"]).status == .exited(0))
                }
                let after = try await scientist.session(offer)
                #expect(after["phase"] == "AVAILABLE")
                #expect(after["connectors"] == session["connectors"], "the same link")
                #expect(try await scientist.open(after).with == 200)
                #expect(Set(processes(of: offer.session)) == servers, "the same processes")
                #expect(scientist.callbacks.about(offer.session).count == 1)
                try await scientist.set("CANCELLED", offer)
                #expect(try await scientist.callbacks(offer, count: 2)[1].body["phase"] == "CANCELLED")
                try await expectNothingLeft(of: offer)
            }
        }

        @Test func `a session that ends while its canfar is away is not lost sight of`() async throws {
            let network = try await ScenarioNetwork.shared
            try await Scientist.with { scientist in
                let offer = try await scientist.offer(at: "ral")
                try await scientist.accept(offer)
                try await scientist.callbacks(offer, count: 1)
                let session = try await scientist.session(offer)
                kill(try network.pid(of: "canfar.ral"), SIGKILL)
                try await scientist.quit(session)
                #expect(try await scientist.callbacks(offer, count: 2)[1].body["phase"] == "COMPLETED")
                try await expectNothingLeft(of: offer)
            }
        }
    }

    /// The image that scripts/images/build makes: a real Jupyter, from Debian's packages.
    @Suite(
        .enabled(if: NotebookRegistry.isWanted, "it is slow: set EXECBUS_FULL=1"),
        .enabled(if: NotebookRegistry.isThere, "there is no image: scripts/images/build makes it")
    )
    struct RealNotebook {
        @Test func `a notebook opens at both sites, and Jupyter lists the observation with its size`() async throws {
            try await withTemporaryFolder { root in
                let folder = NetworkFolder(root + "/net")
                try await withUp(["--state", folder.path, "--registry", NotebookRegistry.path], folder) { _ in
                    try await Observation.register(in: folder)
                    let network = try NetworkDescription(readingFrom: folder.path)
                    let alice = try #require(network.users.first { $0.name == "alice" })
                    try await Scientist.with(uri: network.uri(of: alice)) { scientist in
                        for site in ["ral", "caen"] {
                            let offer = try await scientist.offer(at: site)
                            try await scientist.accept(offer)
                            let callback = try await scientist.callbacks(offer, count: 1, within: .seconds(180))[0]
                            try #require(
                                callback.body["phase"] == "AVAILABLE", "\(scientist.facts.story(offer.session))")
                            let opened = try await scientist.open(scientist.session(offer))
                            #expect(opened.with == 200)
                            #expect(opened.without == 403)
                            #expect(opened.files["type"] == "directory")
                            let entries = opened.files["content"]?.array ?? []
                            #expect(
                                entries.contains { $0["size"]?.int == Int64(Observation.bytes.count) }, "\(entries)")
                            try await scientist.set("RELEASING", offer)
                            let last = try await scientist.callbacks(offer, count: 2)[1]
                            #expect(last.body["phase"] == "COMPLETED")
                        }
                    }
                }
            }
        }
    }
}

/// Where the image with the real Jupyter is, and whether its scenario is to be played.
enum NotebookRegistry {
    static let isWanted = ProcessInfo.processInfo.environment["EXECBUS_FULL"] == "1"
    static var isThere: Bool { FileManager.default.fileExists(atPath: path + "/index.json") }

    /// As scripts/demo finds it.
    static let path: String = {
        let environment = ProcessInfo.processInfo.environment
        let caches = environment["XDG_CACHE_HOME"] ?? (environment["HOME"] ?? "/root") + "/.cache"
        return (environment["EXECBUS_CACHE"] ?? caches + "/execbus") + "/registry"
    }()
}
