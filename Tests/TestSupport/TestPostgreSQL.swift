internal import FoundationEssentials
internal import Glibc
internal import Processes

/// The PostgreSQL server that all tests of the process share: a socket in a folder, no port. It is started by the first
/// that asks, and ends with the process.
package final class TestPostgreSQL: Sendable {
    /// A connection URI for a user who may do everything.
    package let uri: String
    private let server: ChildProcess

    private init(uri: String, server: ChildProcess) {
        self.uri = uri
        self.server = server
    }

    /// The shared server.
    package static var shared: TestPostgreSQL { get async throws { try await starting.value } }

    private static let starting = Task { try await start(in: try await TemporaryFolder.make()) }

    /// Starts a server of its own, for tests that break it.
    package static func start(in folder: String) async throws -> TestPostgreSQL {
        if geteuid() == 0 {
            // PostgreSQL does not run as root, and its user has to find the way.
            let parent = folder[..<(folder.lastIndex(of: "/") ?? folder.endIndex)]
            for path in [String(parent), folder] { chmod(path, 0o711) }
            guard let user = getpwnam("postgres") else { throw ProcessError(.failed, "there is no user postgres") }
            chown(folder, user.pointee.pw_uid, user.pointee.pw_gid)
        }
        var make = command(
            "initdb",
            ["--pgdata", folder + "/data", "--auth", "trust", "--username", "tests", "--no-sync", "--locale", "C"])
        make.workingDirectory = "/"
        try await run(make, deadline: .seconds(60)).checked()
        return try await restart(in: folder)
    }

    /// Starts the server of a folder that one ran in before.
    package static func restart(in folder: String) async throws -> TestPostgreSQL {
        // A test can break the process and the connection, not the power: without fsync the tests are many times faster.
        var serve = command(
            "postgres",
            [
                "-D", folder + "/data", "-k", folder, "-c", "listen_addresses=", "-c", "fsync=off", "-c",
                "max_connections=200",
            ])
        serve.workingDirectory = "/"
        serve.output = .discarded
        serve.errors = .file(folder + "/server.log")
        let server = try await ChildProcess.spawn(serve)
        let uri = "postgresql://tests@/postgres?host=\(folder)"
        let isReady = try await eventually(within: .seconds(30)) {
            if let status = server.status { throw ProcessError(.failed, "postgres ended: \(status)") }
            return try await run(
                command("pg_isready", ["--quiet", "--host", folder, "--username", "tests"]), deadline: .seconds(10)
            ).status.isSuccess
        }
        guard isReady else { throw ProcessError(.failed, "postgres in \(folder) is not ready in time") }
        return TestPostgreSQL(uri: uri, server: server)
    }

    /// Ends the server at once, as a crash does.
    package func kill() async { await server.kill() }

    /// A program of the newest server that is installed, run as who may, and ended with this process.
    private static func command(_ program: String, _ arguments: [String]) -> ProcessSettings {
        let rights =
            geteuid() == 0 ? ["--reuid=postgres", "--regid=postgres", "--init-groups"] : []
        let path = folders().map { "\($0)/\(program)" }.first { access($0, X_OK) == 0 } ?? program
        // setpriv sets the signal after the change of rights, which would take it away again.
        return ProcessSettings("setpriv", rights + ["--pdeathsig=QUIT", "--", path] + arguments)
    }

    /// Debian has a folder for each version, outside of PATH.
    private static func folders() -> [String] {
        let root = "/usr/lib/postgresql"
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        return versions.sorted { (Int($0) ?? 0) > (Int($1) ?? 0) }.map { "\(root)/\($0)/bin" }
    }
}

/// Gives a schema that nothing has used before, on the shared server.
package func withSchema<Value>(
    _ body: (_ address: String, _ participant: String) async throws -> Value
) async throws -> Value {
    let server = try await TestPostgreSQL.shared
    return try await body(server.uri, "test." + UUID().uuidString.lowercased())
}
