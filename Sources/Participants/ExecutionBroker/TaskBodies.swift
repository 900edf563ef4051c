internal import ExecutionModel
internal import Wire

/// The commands that start a session's preparations.
struct TaskBodies {
    let session: Session
    private let workstep: Workstep

    init(_ session: Session) throws(Problem) {
        self.session = session
        workstep = try session.readWorkstep()
    }

    /// The body of the command that starts a preparation.
    func body(of task: SessionTask, deadline: Timestamp) throws(Problem) -> JSON {
        let head = TaskHead(task: task.id, session: session.id, owner: session.owner, deadline: deadline)
        switch task.role {
        case .prepareData: return PrepareDataCommand(head: head, data: items).json
        case .cavern: return PullDataCommand(head: head).json
        case .harbor: return PullImageCommand(head: head, image: try image()).json
        case .canfar: return try start(head).json
        }
    }

    private var places: DataPlaces { DataPlaces(workstep.data.map { $0.source.did?.name ?? "" }) }

    private var items: [PrepareDataCommand.Item] {
        zip(workstep.data, places.paths).compactMap { item, path in
            item.source.did.map { PrepareDataCommand.Item(did: $0, path: path) }
        }
    }

    /// It was pinned when the offer was made.
    private func image() throws(Problem) -> ImageReference {
        guard let image = workstep.executable.image, image.digest != nil else {
            throw Problem(.internalFault, "session \(session.id) has no image with a digest")
        }
        return image
    }

    private func start(_ head: TaskHead) throws(Problem) -> StartSessionCommand {
        let executable = workstep.executable
        return StartSessionCommand(
            head: head, kind: executable.kind, image: try image(), cores: session.cores, memory: session.memory,
            location: executable.location, command: executable.command, entrypoint: executable.entrypoint,
            environment: executable.environment, mounts: mounts)
    }

    /// Data are in the area's folder `data`. What a session wants to keep goes into `output`, which `cavern` saves.
    private var mounts: [StartSessionCommand.Mount] {
        let paths = places.paths
        return workstep.compute.volumes.map { volume in
            let index = workstep.data.firstIndex { $0.name == volume.resource || $0.uuid == volume.resource }
            let source = index.map { "data/\(paths[$0])" } ?? "output"
            return StartSessionCommand.Mount(path: volume.path, source: source, mode: volume.mode)
        }
    }
}
