internal import Files
internal import Glibc
internal import Processes
internal import Wire

/// Containers by `runc`, with root's rights: limits by control groups, and a root folder that can be written to.
package struct RuncRuntime: ContainerRuntime {
    package let name = "runc"
    private let program: String
    private let containers: String
    private let stateFolder: String

    /// - Parameter folder: where it keeps everything; the same again after a restart.
    package init(folder: String, program: String = "runc") throws {
        guard let path = Executable.find(program) else {
            throw OCIError(.runtime, "the program \(program) is not there (Debian package runc)")
        }
        self.program = path
        containers = "\(folder)/containers"
        stateFolder = "\(folder)/runc"
        try FileSystem.makeFolder(containers, mode: 0o700)
        try FileSystem.makeFolder(stateFolder, mode: 0o700)
    }

    package func start(_ spec: ContainerSpec) async throws -> RunningContainer {
        try spec.check()
        try Task.checkCancellation()
        return try await Undisturbed.run {
            do {
                return try await start(spec, withLimits: true)
            } catch let error as OCIError where error.code == .runtime && error.message.contains("cgroup") {
                // The machine's control groups are not ours to write. What then does not hold is found, and said, by
                // reading them back.
                return try await start(spec, withLimits: false)
            }
        }
    }

    private func start(_ spec: ContainerSpec, withLimits: Bool) async throws -> RunningContainer {
        let folder = try ContainerFolder(spec.id, in: containers)
        try folder.make()
        var shell: ChildProcess?
        do {
            guard symlink(spec.root, folder / "lower") == 0 else {
                throw FileError("cannot make \(folder / "lower")")
            }
            let bundle = OCIBundle(spec: spec, rootPath: folder / "root", withLimits: withLimits)
            try folder.write("config.json", bundle.json.bytes)
            let supervisor = Supervisor(folder: folder)
            let child = try await supervisor.startWithOverlay(
                [program, "--root", stateFolder, "run", "--bundle", folder.path, "--pid-file", folder / "pid", spec.id])
            shell = child
            return try await supervisor.waitForStart(child, limits: spec.limits)
        } catch {
            try? await removeNow(folder, shell: shell)
            throw error
        }
    }

    package func state(of id: String) async throws -> ContainerState {
        let folder = try ContainerFolder(id, in: containers)
        return try await Supervisor(folder: folder).state()
    }

    package func stop(_ id: String, grace: Duration) async throws {
        let folder = try ContainerFolder(id, in: containers)
        try await Supervisor(folder: folder).settle()
        if case .running(let container) = folder.state() {
            kill(container.process.pid, SIGTERM)
            if try await !waitUntil(upTo: grace, { !container.process.isAlive }) { try await delete(id) }
            guard try await waitUntil(upTo: .seconds(10), { !container.process.isAlive }) else {
                throw OCIError(.runtime, "container '\(id)' does not end, although it was killed")
            }
        }
        // Until the exit code is written.
        _ = try await Supervisor(folder: folder).waitForEnd(upTo: .seconds(5))
    }

    package func remove(_ id: String) async throws {
        let folder = try ContainerFolder(id, in: containers)
        guard folder.exists else { return }
        try await removeNow(folder)
    }

    /// - Parameter shell: the supervising shell, where this process has started it; it may not even have begun.
    private func removeNow(_ folder: ContainerFolder, shell: ChildProcess? = nil) async throws {
        let supervisor = Supervisor(folder: folder)
        try await supervisor.callOff()
        // Again and again, because the shell may be about to start what there is nothing of yet.
        let deadline = ContinuousClock.now + .seconds(10)
        var hasEnded = false
        repeat {
            try await delete(folder.id)
            if let shell {
                hasEnded = await shell.wait(upTo: .milliseconds(100)) != nil
            } else {
                hasEnded = try await supervisor.waitForEnd(upTo: .milliseconds(100))
            }
        } while !hasEnded && ContinuousClock.now < deadline
        if !hasEnded {
            supervisor.kill()
            try await delete(folder.id)
        }
        try? folder.adopt()
        if case .running(let container) = folder.state() {
            guard try await waitUntil(upTo: .seconds(10), { !container.process.isAlive }) else {
                throw OCIError(.runtime, "container '\(folder.id)' does not end, although it was killed")
            }
        }
        try await BlockingWork.run { _ in try folder.remove() }
    }

    package func list() async throws -> [String] { FileSystem.names(in: containers).sorted() }

    package func log(of id: String, last bytes: Int) async throws -> String {
        let folder = try ContainerFolder(id, in: containers)
        return try await BlockingWork.run { _ in folder.log(last: bytes) }
    }

    /// Kills all processes of a container and forgets it; one that is not there is no error.
    private func delete(_ id: String) async throws {
        let settings = ProcessSettings(program, ["--root", stateFolder, "delete", "--force", id])
        try await run(settings, deadline: .seconds(20)).checked()
    }
}
