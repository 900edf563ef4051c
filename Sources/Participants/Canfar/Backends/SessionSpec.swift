internal import ExecutionModel
internal import FoundationEssentials
internal import Glibc
internal import OCI
internal import Preparation

/// What a session's container is like.
///
/// The contract with images: the program listens on `127.0.0.1:$SESSION_PORT`, answers below `/session/$SESSION_ID/` to
/// who gives the token `$JUPYTER_TOKEN` (as `?token=` or `Authorization: token …`) and to nobody else, with status 200 at
/// `api/status` as soon as it can be used. It finds its files in `/session`.
enum SessionSpec {
    /// Where the session sees its area.
    static let area = "/session"

    static func make(
        _ command: StartSessionCommand, image: SessionImage, area path: String, access: SessionAccess
    ) throws -> ContainerSpec {
        var spec = ContainerSpec(
            id: command.head.task.description, root: image.root,
            arguments: arguments(command, image.configuration), hostname: "session")
        spec.environment = environment(command, image.configuration, access)
        spec.workingDirectory = area
        let owner = try SessionOwner(area: path)
        spec.user = owner.user
        let notebook = command.location.map { "\(path)/\(StartNotebook.fileName(of: $0))" }
        try owner.take([path, "\(path)/\(AreaRegister.output)"] + (notebook.map { [$0] } ?? []))
        // The data may be a second name of the storage's own file: nobody writes there.
        spec.mounts =
            BindMount.machineNames + [
                BindMount(path, at: area, isWritable: true),
                BindMount("\(path)/\(AreaRegister.data)", at: "\(area)/\(AreaRegister.data)", isWritable: false),
            ]
        for mount in command.mounts { spec.mounts.append(try bind(mount, in: path)) }
        spec.limits = ContainerLimits(memory: command.memory << 30, cores: Double(command.cores))
        return spec
    }

    /// What a browser opens first, below the base.
    static func page(_ command: StartSessionCommand) -> String {
        guard command.kind == .jupyterNotebook else { return "" }
        return command.location.map { "notebooks/\(StartNotebook.fileName(of: $0))" } ?? "tree"
    }

    private static func arguments(_ command: StartSessionCommand, _ image: ImageConfiguration) -> [String] {
        if let entrypoint = command.entrypoint { return [entrypoint] + command.command }
        return image.entrypoint + (command.command.isEmpty ? image.command : command.command)
    }

    private static func environment(
        _ command: StartSessionCommand, _ image: ImageConfiguration, _ access: SessionAccess
    ) -> [String: String] {
        var environment = ["PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"]
        for variable in image.environment {
            let parts = variable.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if let name = parts.first, !name.isEmpty { environment[String(name)] = String(parts.last ?? "") }
        }
        environment.merge(command.environment) { $1 }
        environment["HOME"] = "\(area)/\(AreaRegister.home)"
        environment["SESSION_ID"] = command.head.session.description
        environment["SESSION_PORT"] = String(access.port)
        environment["JUPYTER_TOKEN"] = access.token
        return environment
    }

    /// Links in an area may lead anywhere: what is mounted must lie in the area itself.
    private static func bind(_ mount: StartSessionCommand.Mount, in area: String) throws -> BindMount {
        guard let root = realPath(area), let source = realPath("\(area)/\(mount.source)"),
            source.hasPrefix(root + "/")
        else { throw TaskFailure("not-found", "there is no \(mount.source) to be seen at \(mount.path)") }
        let isData = mount.source == AreaRegister.data || mount.source.hasPrefix(AreaRegister.data + "/")
        guard mount.mode == .readOnly || !isData else {
            throw TaskFailure("not-supported", "\(mount.path) cannot be written to: data is read-only")
        }
        return BindMount(source, at: mount.path, isWritable: mount.mode == .readWrite)
    }

    private static func realPath(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
