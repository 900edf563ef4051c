internal import Cavern
internal import GlobalExecution
internal import MessageBus
internal import Permissions
internal import Preparation
internal import PrepareData
internal import Wire
internal import WorkstepEditor

/// Which participant goes with which back end: the one list to which a new participant is added.
extension WorkerProcess {
    func serve(_ worker: Worker, _ policy: Policy?) async throws {
        switch name {
        case .permissions:
            guard let policy else { throw UsageError("permissions needs --policy FILE") }
            try await serve(worker, Permissions(policy: policy))
        case .workstepEditor:
            try await serve(worker, WorkstepEditor())
        case .prepareData:
            let site = try siteFile()
            let stager = try configured { try FolderStager(site: site) }
            try await stager.measure()
            let parts = PrepareData.worker(site: site.site, areas: AreaRegister(state: site.state), stager: stager)
            try await serve(worker, parts.participant, parts.performer)
        case .cavern:
            let site = try siteFile()
            let storage = try configured { try HomeFolders(site: site) }
            let parts = Cavern.worker(site: site.site, areas: AreaRegister(state: site.state), storage: storage)
            try await serve(worker, parts.participant, parts.performer)
        default:
            throw UsageError("not there yet")
        }
    }

    /// Makes a back end from the site's file, whose faults are the caller's to mend.
    private func configured<BackEnd>(_ make: () throws -> BackEnd) throws -> BackEnd {
        do { return try make() } catch { throw Failure(.usage, "\(invocation["site-file"] ?? ""): \(error)") }
    }
}
