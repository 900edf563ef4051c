package import ExecutionModel
package import Preparation
package import Wire

/// `prepare-data`: says where data lies, and puts it into the areas of sessions.
package enum PrepareData: TaskKind {
    package typealias Command = PrepareDataCommand
    package typealias Query = LocateQuery

    package static let participant = ParticipantName.prepareData
    package static let work = "prepare-data"

    /// The participant of a site and what performs its activities.
    package static func worker(
        site: SiteName, areas: AreaRegister, stager: any DataStager
    ) -> (participant: TaskParticipant<PrepareData>, performer: TaskPerformer<PrepareDataWork>) {
        (TaskParticipant(site: site), TaskPerformer(PrepareDataWork(areas: areas, stager: stager)))
    }
}

/// What `prepare-data` does in the world, whatever its back end.
package struct PrepareDataWork: TaskWork {
    package typealias Kind = PrepareData

    let areas: AreaRegister
    let stager: any DataStager

    package func perform(
        _ command: PrepareDataCommand, progress: @escaping @Sendable (TaskProgress) -> Void
    ) async throws -> JSON {
        let area = try await areas.enter(command.head.session, as: PrepareData.participant)
        let folder = "\(area)/\(AreaRegister.data)"
        return try await stager.stage(command.data, into: folder, progress: progress).json
    }

    package func remove(_ command: PrepareDataCommand, keep: Bool) async throws {
        try await areas.remove([AreaRegister.data], of: command.head.session)
        try await areas.leave(command.head.session, as: PrepareData.participant)
    }

    package func answer(_ query: LocateQuery) async throws -> JSON { try await stager.locate(query.data).json }
}
