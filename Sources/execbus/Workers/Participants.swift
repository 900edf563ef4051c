internal import GlobalExecution
internal import MessageBus
internal import Permissions
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
        default:
            throw UsageError("not there yet")
        }
    }
}
