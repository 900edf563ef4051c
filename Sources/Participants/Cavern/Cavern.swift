package import ExecutionModel
package import Preparation
package import Wire

/// `cavern`: brings the user's own folder into the session's area, and what the session left back into it.
package enum Cavern: TaskKind {
    package typealias Command = PullDataCommand

    package static let participant = ParticipantName.cavern
    package static let work = "pull-data"

    /// The participant of a site and what performs its activities.
    package static func worker(
        site: SiteName, areas: AreaRegister, storage: any UserStorage
    ) -> (participant: TaskParticipant<Cavern>, performer: TaskPerformer<CavernWork>) {
        (TaskParticipant(site: site), TaskPerformer(CavernWork(areas: areas, storage: storage)))
    }
}

/// What `cavern` does in the world, whatever its back end.
package struct CavernWork: TaskWork {
    package typealias Kind = Cavern

    let areas: AreaRegister
    let storage: any UserStorage

    package func perform(
        _ command: PullDataCommand, progress: @escaping @Sendable (TaskProgress) -> Void
    ) async throws -> JSON {
        let area = try await areas.enter(command.head.session, as: Cavern.participant)
        try await areas.make([AreaRegister.output], of: command.head.session)
        let pulled = try await storage.pull(
            command.paths, of: command.head.owner, into: "\(area)/\(AreaRegister.home)", progress: progress)
        return ["files": .int(pulled.files), "bytes": .int(pulled.bytes)]
    }

    package func remove(_ command: PullDataCommand, keep: Bool) async throws {
        let session = command.head.session
        if keep {
            try await storage.keep(
                "\(areas.path(session))/\(AreaRegister.output)", of: session, for: command.head.owner)
        }
        try await areas.remove([AreaRegister.home, AreaRegister.output], of: session)
        try await areas.leave(session, as: Cavern.participant)
    }
}
