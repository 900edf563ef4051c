internal import Files
internal import Glibc
internal import Processes

/// Containers by `bwrap`, where runc cannot run: it needs no control groups, and no root's rights where the kernel gives
/// user namespaces to everybody. It sets no limits, and says so.
package struct BubblewrapRuntime: ContainerRuntime {
    package let name = "bubblewrap"
    private let program: String
    private let containers: String

    /// - Parameter folder: where it keeps everything; the same again after a restart.
    package init(folder: String, program: String = "bwrap") throws {
        guard let path = Executable.find(program) else {
            throw OCIError(.runtime, "the program \(program) is not there (Debian package bubblewrap)")
        }
        self.program = path
        containers = "\(folder)/containers"
        try FileSystem.makeFolder(containers, mode: 0o700)
    }

    package func start(_ spec: ContainerSpec) async throws -> RunningContainer {
        try spec.check()
        try Task.checkCancellation()
        return try await Undisturbed.run { try await startNow(spec) }
    }

    private func startNow(_ spec: ContainerSpec) async throws -> RunningContainer {
        let folder = try folder(spec.id)
        try folder.make()
        var shell: ChildProcess?
        do {
            let supervisor = Supervisor(folder: folder)
            // By the environment and not as arguments, which everybody on the machine can read.
            let child = try await supervisor.startPlain([program] + arguments(for: spec), environment: spec.environment)
            shell = child
            let started = try await supervisor.waitForStart(child, limits: nil)
            try await waitForProgram(started, in: folder)
            let unenforced = spec.limits.names.map { UnenforcedLimit(limit: $0, reason: "bubblewrap sets no limits") }
            let container = RunningContainer(id: spec.id, process: started.process, unenforced: unenforced)
            try folder.note(container)
            return container
        } catch {
            // The shell and all that it has started, which is all there is: bubblewrap has no memory of its own.
            _ = await shell?.kill()
            try? await removeNow(folder)
            throw error
        }
    }

    /// It says which process it is before that has become the container's program: only then has everything worked.
    private func waitForProgram(_ container: RunningContainer, in folder: ContainerFolder) async throws {
        let process = container.process
        let hasStarted = try await waitUntil(upTo: .seconds(20)) {
            !process.isAlive || hasBecomeProgram(process)
        }
        guard hasStarted, process.isAlive || !folder.lastWords.contains("bwrap: ") else {
            throw OCIError(.runtime, "container '\(folder.id)' did not start: \(folder.lastWords)")
        }
    }

    private func hasBecomeProgram(_ process: ProcessIdentity) -> Bool {
        guard let file = FileSystem.linkTarget("/proc/\(process.pid)/exe") else {
            // One that is about to end has no file any more. Whose file may not be seen is another's already.
            return errno == EACCES
        }
        return file != program
    }

    /// The root is put together in memory of what the image has at its top, read-only: mounts can then be added at the
    /// top without a change to the image's folder.
    private func arguments(for spec: ContainerSpec) throws -> [String] {
        var arguments = [
            "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--hostname", spec.hostname, "--as-pid-1", "--cap-drop",
            "ALL",
            "--info-fd", "3",
        ]
        if spec.user.uid != geteuid() {
            arguments += ["--unshare-user", "--uid", "\(spec.user.uid)", "--gid", "\(spec.user.gid)"]
        }
        let own = ["proc", "dev", "sys", "tmp", "run", "root", "home"]
        for name in FileSystem.names(in: spec.root).sorted() where !own.contains(name) {
            let path = "\(spec.root)/\(name)"
            if let target = FileSystem.linkTarget(path) {
                arguments += ["--symlink", target, "/\(name)"]
            } else {
                arguments += ["--ro-bind", path, "/\(name)"]
            }
        }
        arguments += ["--proc", "/proc", "--dev", "/dev"]
        for path in ["/tmp", "/run", "/root", "/home"] { arguments += ["--tmpfs", path] }
        if FileSystem.exists("\(spec.root)/var/tmp", followingLink: true) { arguments += ["--tmpfs", "/var/tmp"] }
        for mount in spec.mounts {
            arguments += [mount.isWritable ? "--bind" : "--ro-bind", mount.source, mount.target]
        }
        return arguments + ["--chdir", spec.workingDirectory, "--"] + spec.arguments
    }

    package func state(of id: String) async throws -> ContainerState {
        try await Supervisor(folder: try folder(id)).state()
    }

    package func stop(_ id: String, grace: Duration) async throws {
        try await end(try folder(id), grace: grace)
    }

    /// Its first process is the first of its process namespace: when that ends, the kernel ends all others.
    private func end(_ folder: ContainerFolder, grace: Duration) async throws {
        try await Supervisor(folder: folder).settle()
        if case .running(let container) = folder.state() {
            if grace > .zero { kill(container.process.pid, SIGTERM) }
            if try await !waitUntil(upTo: grace, { !container.process.isAlive }) {
                kill(container.process.pid, SIGKILL)
            }
            guard try await waitUntil(upTo: .seconds(10), { !container.process.isAlive }) else {
                throw OCIError(.runtime, "container '\(folder.id)' does not end, although it was killed")
            }
        }
        _ = try await Supervisor(folder: folder).waitForEnd(upTo: .seconds(5))
    }

    package func remove(_ id: String) async throws {
        let folder = try folder(id)
        guard folder.exists else { return }
        try await removeNow(folder)
    }

    private func removeNow(_ folder: ContainerFolder) async throws {
        let supervisor = Supervisor(folder: folder)
        try await supervisor.callOff()
        try await end(folder, grace: .zero)
        supervisor.kill()
        try await BlockingWork.run { _ in try folder.remove() }
    }

    private func folder(_ id: String) throws -> ContainerFolder {
        try ContainerFolder(id, in: containers, pidKey: "child-pid")
    }

    package func list() async throws -> [String] { FileSystem.names(in: containers).sorted() }

    package func log(of id: String, last bytes: Int) async throws -> String {
        let folder = try folder(id)
        return try await BlockingWork.run { _ in folder.log(last: bytes) }
    }
}
