internal import Canfar
internal import Cavern
internal import ExecutionBroker
internal import GlobalExecution
internal import Harbor
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
        case .globalExecution:
            let sites = invocation["sites"] == nil ? [] : try Command.siteNames(invocation)
            try await serve(worker, GlobalExecution(settings: .init(sites: sites)))
        case .permissions:
            guard let policy else { throw UsageError("permissions needs --policy FILE") }
            try await serve(worker, Permissions(policy: policy))
        case .workstepEditor:
            try await serve(worker, WorkstepEditor())
        case .executionBroker:
            let site = try siteFile()
            try await serve(worker, configured { try ExecutionBroker.worker(site) })
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
        case .harbor:
            let site = try siteFile()
            let parts = try await Harbor.worker(configured { try HarborSettings(site) })
            try await serve(worker, parts.participant, parts.performer)
        case .canfar:
            let site = try siteFile()
            let parts = try await Canfar.worker(configured { try CanfarSettings(site) })
            try await serve(worker, parts.participant, parts.performer)
        }
    }

    /// Makes a back end from the site's file, whose faults are the caller's to mend.
    private func configured<BackEnd>(_ make: () throws -> BackEnd) throws -> BackEnd {
        do { return try make() } catch { throw Failure(.usage, "\(invocation["site-file"] ?? ""): \(error)") }
    }
}
