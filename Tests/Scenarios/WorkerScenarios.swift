import AMQP
import FoundationEssentials
import Glibc
import LocalNetwork
import Processes
import TestSupport
import Testing
import Wire

extension Scenarios {
    /// Workers that cannot work: one line that says what to do, an exit code that is not 0, and no more tries.
    @Suite struct Workers {
        private static let network = Task { try await withNetwork { $0 } }

        @Test func `no RabbitMQ at the port`() async throws {
            let port = try FreePort.find(1)[0]
            try await Self.site { site in
                try await site.run(amqp: "amqp://cavern.ral:secret@127.0.0.1:\(port)/execbus")
                    .expectRefused(7, "no RabbitMQ answers at 127.0.0.1:\(port)", "start it")
            }
        }

        @Test func `a wrong password, which is not shown`() async throws {
            let uri = try await Self.network.value.uri("cavern.ral").replacing(":cavern.ral@", with: ":secret@")
            try await Self.site { site in
                let result = try await site.run(amqp: uri)
                result.expectRefused(3, "refuses the user cavern.ral", "wrong user or password")
                #expect(!result.errorText.contains("secret"))
            }
        }

        @Test func `another's user`() async throws {
            let uri = try await Self.network.value.uri("cavern.caen")
            try await Self.site { site in
                try await site.run(amqp: uri).expectRefused(2, "cavern.ral", "cavern.caen")
            }
        }

        @Test func `no address at all`() async throws {
            try await Self.site { site in
                try await site.run(amqp: nil).expectRefused(
                    2, "set EXECBUS_AMQP", "amqp://cavern.ral:PASSWORD@HOST/execbus")
            }
        }

        @Test func `a virtual host that does not exist`() async throws {
            let network = try await Self.network.value
            let uri = network.node.uri(user: "cavern.ral", password: "cavern.ral", vhost: "nowhere")
            try await Self.site { site in
                try await site.run(amqp: uri).expectRefused(7, "nowhere does not exist", "create it")
            }
        }

        @Test func `a queue that is missing`() async throws {
            let network = try await Self.network.value
            try await withAMQPConnection(AMQPConfiguration(uri: network.administratorURI)) { connection in
                _ = try await connection.deleteQueue("cavern.caen")
            }
            try await Self.site("caen") { site in
                try await site.run(amqp: network.uri("cavern.caen"))
                    .expectRefused(1, "no queue 'cavern.caen'", "execbus topology apply")
            }
        }

        @Test(.enabled(if: Mounts.arePossible, "only root can mount a small file system"))
        func `a full disk under the store`() async throws {
            let network = try await Self.network.value
            try await Self.site { site in
                try PrivateFile.makeFolder(site.folder + "/small")
                let fill = "mount -t tmpfs -o size=1m none small && head -c 2m /dev/zero > small/ballast 2>&- ; "
                let result = try await site.run(
                    amqp: network.uri("cavern.ral"), store: site.folder + "/small/store.sqlite",
                    wrapped: ["unshare", "--mount", "sh", "-c", "cd \(site.folder) && " + fill + #"exec "$@""#, "sh"])
                result.expectRefused(1, "small/store.sqlite", "the disk or the quota is full", "free some space")
            }
        }

        @Test func `a folder for the store that is missing`() async throws {
            let network = try await Self.network.value
            try await Self.site { site in
                try await site.run(amqp: network.uri("cavern.ral"), store: site.folder + "/nowhere/store.sqlite")
                    .expectRefused(1, "nowhere/store.sqlite", "see that the folder exists")
            }
        }

        @Test func `a store that is none`() async throws {
            let network = try await Self.network.value
            try await Self.site { site in
                let store = site.folder + "/store.sqlite"
                try PrivateFile.write(Array(repeating: 7, count: 8_192), to: store)
                try await site.run(amqp: network.uri("cavern.ral"), store: store)
                    .expectRefused(1, store, "is damaged or no store", "restore it from a copy")
            }
        }

        @Test func `a store that another worker has open`() async throws {
            let network = try await ScenarioNetwork.shared
            let pid = try network.pid(of: "cavern.ral")
            let uri = try await Self.network.value.uri("cavern.ral")
            try await Self.site { site in
                try await site.run(amqp: uri, store: network.folder.store(of: "cavern.ral"))
                    .expectRefused(1, "is in use by process \(pid)", "stop that one first")
            }
            #expect(try network.pid(of: "cavern.ral") == pid)
            #expect(try await network.execbus(["ping", "cavern.ral"]).status == .exited(0))
        }

        @Test(arguments: [
            (#"{"policy": "p""#, "policy.json"),
            (#"{"policy": "p", "rules": [], "services": [], "users": [], "sevrices": []}"#, "sevrices"),
            (
                #"{"policy": "p", "services": [], "users": [], "rules": [{"name": "r", "effect": "alow"}]}"#,
                "/rules/0/effect"
            ),
        ])
        func `a policy with a fault`(_ policy: String, _ word: String) async throws {
            let network = try await Self.network.value
            try await Self.site { site in
                try PrivateFile.write(Array(policy.utf8), to: site.policy)
                try await site.run(amqp: network.uri("cavern.ral")).expectRefused(2, "policy.json", word)
            }
        }

        @Test func `a policy that is missing`() async throws {
            let network = try await Self.network.value
            try await Self.site { site in
                unlink(site.policy)
                try await site.run(amqp: network.uri("cavern.ral")).expectRefused(2, "policy.json")
                try await Execbus.run(
                    ["worker", "permissions"], environment: ["EXECBUS_AMQP": network.uri("permissions")]
                )
                .expectRefused(2, "permissions needs --policy FILE")
            }
        }

        @Test(arguments: [
            (#"{"site": "ral", "state": "state", "home": "homes", "hoem": "homes"}"#, "/hoem: is unknown"),
            (#"{"site": "caen", "state": "state", "home": "homes"}"#, "is of the site caen, not of cavern.ral"),
            (#"{"site": "Any Where", "state": "state", "home": "homes"}"#, "/site: must be a site's name"),
            (#"{"site": "ral", "home": "homes"}"#, "/state: is required"),
            (#"{"site": "ral", "state": "state"}"#, "/home"),
            (#"{"site": "ral""#, "is not JSON"),
        ])
        func `a site file with a fault`(_ contents: String, _ word: String) async throws {
            let network = try await Self.network.value
            try await Self.site { site in
                try PrivateFile.write(Array(contents.utf8), to: site.file)
                let result = try await site.run(amqp: network.uri("cavern.ral"))
                result.expectRefused(2, "site.json", word)
                #expect(result.errorText.ranges(of: word).count == 1, "said once: \(result.errorText)")
            }
        }

        @Test func `a site where none belongs, and none where one belongs`() async throws {
            try await Execbus.run(["worker", "cavern"]).expectRefused(2, "cavern is at a site", "--site")
            try await Execbus.run(["worker", "cavern", "--site", "global"]).expectRefused(2, "global is no site's name")
            try await Execbus.run(["worker", "permissions", "--site", "ral"]).expectRefused(2, "leave --site out")
        }

        /// A folder with all that a cavern needs.
        private static func site(_ name: String = "ral", _ body: (Site) async throws -> Void) async throws {
            try await withTemporaryFolder { folder in
                let site = Site(name: name, folder: folder)
                try PrivateFile.makeFolder(folder + "/homes")
                try PrivateFile.write(
                    Array(#"{"site": "\#(name)", "state": "state", "home": "homes"}"#.utf8), to: site.file)
                try PrivateFile.write(
                    Array(#"{"policy": "p", "services": [], "users": [], "rules": []}"#.utf8), to: site.policy)
                try await body(site)
            }
        }

        private struct Site {
            let name: String
            let folder: String
            var file: String { folder + "/site.json" }
            var policy: String { folder + "/policy.json" }

            /// Runs a cavern until it ends, which it has to do by itself.
            func run(amqp: String?, store: String? = nil, wrapped: [String] = []) async throws -> RunResult {
                let program = try ScenarioNetwork.program()
                let words =
                    wrapped + [
                        program, "worker", "cavern", "--site", name, "--site-file", file, "--policy", policy, "--store",
                        store ?? folder + "/store.sqlite",
                    ]
                var settings = ProcessSettings(words[0], Array(words.dropFirst()), environment: Execbus.clean)
                settings.environment?["EXECBUS_AMQP"] = amqp
                return try await Processes.run(settings, deadline: .seconds(30))
            }
        }
    }
}

/// Whether a test may mount file systems, in a mount namespace of its own that ends with its process.
enum Mounts {
    static let arePossible = getuid() == 0 && unsharePermitted()

    private static func unsharePermitted() -> Bool {
        // CAP_SYS_ADMIN (21) among the effective capabilities, as /proc/self/status tells them.
        let status = String(
            decoding: FileManager.default.contents(atPath: "/proc/self/status") ?? Data(), as: UTF8.self)
        guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix("CapEff:") }),
            let word = line.split(whereSeparator: \.isWhitespace).last, let bits = UInt64(word, radix: 16)
        else { return false }
        return bits & 1 << 21 != 0
    }
}
