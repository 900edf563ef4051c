internal import Files
internal import Glibc
internal import Processes

/// The shell that stands between this process and a container.
///
/// It outlives this process, so that the exit code is known whoever asks later; and the container's root is put
/// together in its own mount namespace, so that the mount is gone with the last process that uses it and can never be
/// left over.
///
/// The process that started it may be killed at any moment, and the shell goes on. Two things keep this from making two
/// containers of one. Who makes the file `supervisor` has its way, the shell or who calls the start off: so no
/// shell begins behind the back of who has looked and found none. And where the shell was first, who looks waits for
/// what comes of it (`settle`).
struct Supervisor {
    let folder: ContainerFolder

    /// The root is an overlay: below, the image's folder, unchanged; above, what the container writes. Where the disk
    /// cannot be the upper layer (it may be an overlay itself), memory is. Names are relative and `lower` is a link,
    /// since the option's own syntax has characters that paths may have too.
    private static let overlayScript = """
        set -C; echo $$ > supervisor || exit 125; set +C
        mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work root 2>/dev/null || {
            mount -t tmpfs -o mode=0755 tmpfs work && mkdir work/upper work/work &&
            mount -t overlay overlay -o lowerdir=lower,upperdir=work/upper,workdir=work/work root || exit 125
        }
        "$@" < /dev/null
        echo $? > exit
        """

    private static let plainScript = """
        set -C; echo $$ > supervisor || exit 125; set +C
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

    /// How long a start may take.
    private static let patience = Duration.seconds(60)

    /// Waits until the runtime has said which process it is, or has given up.
    func waitForStart(_ child: ChildProcess, limits: ContainerLimits?) async throws -> RunningContainer {
        let deadline = ContinuousClock.now + Supervisor.patience
        while true {
            if let pid = folder.pid, let process = ProcessIdentity(of: pid) {
                let unenforced =
                    limits.map(ControlGroup(of: pid).unenforced)
                    ?? []
                let container = RunningContainer(id: folder.id, process: process, unenforced: unenforced)
                try folder.note(container)
                return container
            }
            if let status = child.status {
                if let pid = folder.pid {
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

    /// Waits until a start whose worker has gone away has come to something: the container runs and is taken note of, or
    /// its shell has ended. At once where there is nothing to wait for.
    func settle(upTo limit: Duration = patience) async throws {
        guard folder.noted() == nil else { return }
        _ = try await waitUntil(upTo: limit) {
            // Asked before it is noted: a shell that has ended by now has left all that it ever will.
            let isOver = !isBeginning && identity == nil
            try folder.adopt()
            return isOver || folder.noted() != nil
        }
    }

    /// Sees to it that a shell that has not begun yet, or that nobody knows of, starts nothing any more.
    func callOff() async throws {
        // A link is made whole, number and all, or not at all; where there is one, no shell makes a file.
        guard symlink("called-off", folder / "supervisor") != 0, errno == EEXIST else { return }
        _ = try await waitUntil(upTo: .seconds(2)) { !isBeginning }
    }

    /// Whether the shell has made its file and has not written its number into it.
    private var isBeginning: Bool { FileSystem.size(folder / "supervisor") == 0 }

    /// How it is with the container. Between its end and the moment in which the shell has written the exit code lie
    /// milliseconds, seconds on a busy machine, which are waited for: a session that ended well is not told as lost.
    func state() async throws -> ContainerState {
        try await settle()
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
func waitUntil(upTo limit: Duration, _ condition: () throws -> Bool) async throws -> Bool {
    let deadline = ContinuousClock.now + limit
    while try !condition() {
        guard ContinuousClock.now < deadline else { return false }
        try await Task.sleep(for: .milliseconds(10))
    }
    return true
}
