internal import FoundationEssentials
internal import Glibc
internal import Processes

/// Folders of the test process, all below one, which is removed when the process has ended, however it ended.
package enum TemporaryFolder {
    private static let root = Task<String, any Error> {
        let path = FileManager.default.temporaryDirectory.path + "/execbus-tests-\(getpid())"
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        // The shell's input ends with this process. What is killed with it may write for a moment longer, and make the
        // folder anew: it has to stay away for two seconds.
        let script = """
            cat
            gone=0
            for i in $(seq 600); do
                if [ -e "$0" ]; then rm -rf "$0"; gone=0; else gone=$((gone + 1)); fi
                if [ $gone -ge 20 ]; then exit; fi
                sleep 0.1
            done
            """
        var watchdog = ProcessSettings("sh", ["-c", script, path])
        watchdog.input = .open
        watchdog.output = .discarded
        watchdog.errors = .discarded
        watchdog.group = .session
        _ = try await ChildProcess.spawn(watchdog)
        return path
    }

    /// A new, empty folder, which stays until the test process ends.
    package static func make() async throws -> String {
        let path = try await root.value + "/\(UUID().uuidString.lowercased().prefix(8))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        return path
    }
}

/// Gives a new, empty folder, and removes it afterwards.
package func withTemporaryFolder<Value>(_ body: (String) async throws -> Value) async throws -> Value {
    let path = try await TemporaryFolder.make()
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try await body(path)
}
