internal import Files
internal import Processes

/// Which way of running containers works on this machine.
package enum ContainerRuntimes {
    /// Tries each once with a real container of a moment, runc first, and gives the first that works.
    /// - Parameter folder: where it keeps everything; the same again after a restart.
    /// - Throws: what each of them said, where none works.
    package static func choose(folder: String) async throws -> any ContainerRuntime {
        let root = "\(folder)/empty"
        try await BlockingWork.run { _ in try FileSystem.makeFolder(root) }
        var refusals: [String] = []
        for make in [
            { try RuncRuntime(folder: folder) as any ContainerRuntime }, { try BubblewrapRuntime(folder: folder) },
        ] {
            do {
                let runtime = try make()
                try await check(runtime, root: root)
                return runtime
            } catch {
                refusals.append("\(error)")
            }
        }
        throw OCIError(.runtime, "containers cannot run here: " + refusals.joined(separator: "; "))
    }

    /// Runs `true` of this machine in a container whose root holds nothing but mounts.
    /// - Parameter root: an empty folder.
    static func check(_ runtime: any ContainerRuntime, root: String) async throws {
        // What an earlier worker has left that was killed in the midst of this.
        for id in try await runtime.list() where id.hasPrefix(checkPrefix) { try await runtime.remove(id) }
        let id = "\(checkPrefix)\(UInt64.random(in: 0 ... .max))"
        guard let program = Executable.find("sleep") else { throw OCIError(.runtime, "the program sleep is not there") }
        var spec = ContainerSpec(id: id, root: root, arguments: [program, "60"])
        for path in ["/usr", "/bin", "/lib", "/lib64", "/nix/store"] where FileSystem.exists(path, followingLink: true)
        {
            spec.mounts.append(BindMount(path, at: path, isWritable: false))
        }
        do {
            _ = try await runtime.start(spec)
            // bubblewrap says that it runs before it has done all; if it failed after that, it has ended by now.
            guard case .running = try await runtime.state(of: id) else {
                throw OCIError(.runtime, "\(runtime.name): \(try await runtime.log(of: id, last: 500))")
            }
            try await runtime.remove(id)
        } catch {
            try? await Undisturbed.run { try await runtime.remove(id) }
            throw error
        }
    }

    private static let checkPrefix = "check-"
}

/// Work that must come to its end once it has begun: in a task of its own, which a cancellation does not reach, and
/// waited for.
enum Undisturbed {
    static func run<Value: Sendable>(_ work: @escaping @Sendable () async throws -> Value) async throws -> Value {
        try await Task { try await work() }.value
    }
}
