package import ExecutionModel
package import Preparation
package import Wire

/// `canfar`: runs interactive sessions, watches over them, and ends them.
package enum Canfar: TaskKind {
    package typealias Command = StartSessionCommand
    package typealias Query = SessionLogQuery

    package static let participant = ParticipantName.canfar
    package static let work = "start-session"
    package static let isWatched = true

    /// The participant of a site and what performs its activities.
    package static func worker(
        _ settings: CanfarSettings
    ) async throws -> (participant: TaskParticipant<Canfar>, performer: TaskPerformer<CanfarWork>) {
        let host = try await ContainerHost(settings)
        let work = CanfarWork(areas: AreaRegister(state: settings.state), host: host)
        return (TaskParticipant(site: settings.site), TaskPerformer(work))
    }

    /// Ends every session of a site and removes what was kept of it: for who takes the whole site down, since sessions
    /// go on while their worker is away.
    package static func endEverything(_ settings: CanfarSettings) async throws {
        try await ContainerHost.endEverything(settings)
    }
}

/// What `canfar` does in the world, wherever sessions run.
package struct CanfarWork: TaskWork {
    package typealias Kind = Canfar

    let areas: AreaRegister
    let host: any SessionHost

    package init(areas: AreaRegister, host: any SessionHost) {
        self.areas = areas
        self.host = host
    }

    package func perform(
        _ command: StartSessionCommand, progress: @escaping @Sendable (TaskProgress) -> Void
    ) async throws -> JSON {
        let session = command.head.session
        let area = try await areas.enter(session, as: Canfar.participant)
        // What nobody had to prepare is there as well, so that every session finds the same places.
        try await areas.make([AreaRegister.data, AreaRegister.home, AreaRegister.output], of: session)
        let started = try await host.start(command, area: area) {
            progress(TaskProgress(done: 1, total: 2, unit: "steps"))
        }
        return started.json
    }

    package func watch(_ command: StartSessionCommand) async throws -> TaskEnd {
        try await host.end(of: command.head.task)
    }

    package func remove(_ command: StartSessionCommand, keep: Bool) async throws {
        try await host.stop(command.head.task)
        try await areas.leave(command.head.session, as: Canfar.participant)
    }

    package func answer(_ query: SessionLogQuery) async throws -> JSON {
        let text = try await host.log(of: query.task, last: query.limit)
        return SessionLog(task: query.task, session: query.session, text: text).json
    }
}
