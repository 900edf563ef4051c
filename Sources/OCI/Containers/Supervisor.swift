internal import Files
internal import Glibc
internal import Processes

/// The shell that stands between this process and a container.
///
/// It outlives this process, so that the exit code is known whoever asks later; and the container's root is put
/// together in its own mount namespace, so that the mount is gone with the last process that uses it and can never be
/// left over.
struct Supervisor {
    let folder: ContainerFolder

    /// The root is an overlay: below, the image's folder, unchanged; above, what the container writes. Where the disk
    /// cannot be the upper layer (it may be an overlay itself), memory is. Names are relative and `lower` is a link,
    /// since the option's own syntax has characters that paths may have too.
    private static let overlayScript = """
        echo $$ > supervisor || exit 125
        mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work root 2>/dev/null || {
            mount -t tmpfs -o mode=0755 tmpfs work && mkdir work/upper work/work &&
            mount -t overlay overlay -o lowerdir=lower,upperdir=work/upper,workdir=work/work root || exit 125
        }
        "$@" < /dev/null
        echo $? > exit
        """

    private static let plainScript = """
        echo $$ > supervisor || exit 125
        "$@" < /dev/null 3> pid
        echo $? > exit
        """

    /// Starts the shell with a command for the container's root on an overlay.
    func startWithOverlay(_ command: [String]) async throws -> ChildProcess {
        guard let unshare = Executable.find("unshare"), let shell = Executable.find("sh") else {
            throw OCIError(.runtime, "the programs unshare and sh are needed (Debian package util-linux)")
        }
        let arguments = [
            "--mount", "--propagation", "private", "--", shell, "-c", Supervisor.overlayScript, folder.path,
        ]
        return try await start(unshare, arguments + command, environment: nil)
    }

    /// Starts the shell with a command that writes about its process to descriptor 3.
    func startPlain(_ command: [String], environment: [String: String]) async throws -> ChildProcess {
        guard let shell = Executable.find("sh") else { throw OCIError(.runtime, "the program sh is needed") }
        return try await start(shell, ["-c", Supervisor.plainScript, folder.path] + command, environment: environment)
    }

    private func start(
        _ program: String, _ arguments: [String], environment: [String: String]?
    ) async throws -> ChildProcess {
        try FileSystem.replace(folder / "log", with: [], mode: 0o600)
        var settings = ProcessSettings(
            program, arguments, environment: environment, workingDirectory: folder.path)
        settings.output = .file(folder / "log")
        settings.errors = .file(folder / "log")
        settings.group = .session
        return try await ChildProcess.spawn(settings)
    }

    /// Waits until the runtime has said which process it is, or has given up.
    /// - Parameter key: of the member that holds it, where the runtime writes JSON.
    func waitForStart(_ child: ChildProcess, key: String?, limits: ContainerLimits?) async throws -> RunningContainer {
        let deadline = ContinuousClock.now + .seconds(60)
        while true {
            if let pid = folder.pid(key: key), let process = ProcessIdentity(of: pid) {
                let unenforced =
                    limits.map(ControlGroup(of: pid).unenforced)
                    ?? []
                let container = RunningContainer(id: folder.id, process: process, unenforced: unenforced)
                try folder.note(container)
                return container
            }
            if let status = child.status {
                if let pid = folder.pid(key: key) {
                    // It ran, and has ended before anybody looked. No process has this start time.
                    let process = ProcessIdentity(pid: pid, startTime: 0)
                    return RunningContainer(id: folder.id, process: process, unenforced: [])
                }
                throw OCIError(.runtime, "container '\(folder.id)' did not start (\(status)): \(folder.lastWords)")
            }
            guard ContinuousClock.now < deadline else {
                throw OCIError(.runtime, "container '\(folder.id)' did not start in a minute: \(folder.lastWords)")
            }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    /// How it is with the container. Between its end and the moment in which the shell has written the exit code lie
    /// milliseconds, seconds on a busy machine, which are waited for: a session that ended well is not told as lost.
    func state() async throws -> ContainerState {
        if case .ended(nil) = folder.state() { _ = try await waitForEnd(upTo: .seconds(30)) }
        return folder.state()
    }

    /// Waits until the shell has ended, which is after it has written the exit code.
    /// - Returns: false where it has not after this time.
    func waitForEnd(upTo limit: Duration) async throws -> Bool {
        guard let process = identity else { return true }
        return try await waitUntil(upTo: limit) { !process.isAlive }
    }

    /// Kills the shell and the runtime's own program, not the container.
    func kill() {
        guard let process = identity else { return }
        Glibc.kill(-process.pid, SIGKILL)
    }

    /// The shell, if the process of the number that it wrote is really it: the folder stands on its command line.
    private var identity: ProcessIdentity? {
        guard let bytes = try? FileSystem.contents(folder / "supervisor", limit: 64),
            let pid = Int32(String(decoding: bytes, as: UTF8.self).prefix { $0.isNumber }),
            let line = try? FileSystem.contents("/proc/\(pid)/cmdline", limit: 1 << 20),
            line.split(separator: 0).contains(where: { $0.elementsEqual(folder.path.utf8) })
        else { return nil }
        return ProcessIdentity(of: pid)
    }
}

/// Looks until the condition holds; false where it does not after this time.
func waitUntil(upTo limit: Duration, _ condition: () -> Bool) async throws -> Bool {
    let deadline = ContinuousClock.now + limit
    while !condition() {
        guard ContinuousClock.now < deadline else { return false }
        try await Task.sleep(for: .milliseconds(10))
    }
    return true
}
