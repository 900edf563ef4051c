internal import ExecutionModel
internal import MessageBus
internal import Wire

/// A submission before any site is asked: while the editor is asked for its workstep, or `permissions` about it.
struct PendingSubmission: Codable {
    static let kind = "submission"

    /// The UUID that the offerset will have.
    let offerset: OfferSetID
    let request: Request
    let owner: Caller
    /// When offers are no longer waited for, nor anything before them.
    let deadline: Timestamp
    private(set) var workstep: WorkstepReference?
    /// The parts of the workstep; nil while the editor is asked.
    private(set) var parts: JSON?

    init(
        offerset: OfferSetID, request: Request, owner: Caller, deadline: Timestamp, workstep: WorkstepReference?,
        parts: JSON?
    ) {
        self.offerset = offerset
        self.request = request
        self.owner = owner
        self.deadline = deadline
        self.workstep = workstep
        self.parts = parts
    }

    /// Takes the editor's answer (`srcnet.workstep.v1`); gives the workstep as it can be executed.
    mutating func enrich(with body: JSON) throws(Problem) -> Workstep {
        let parts = JSON.object((body.object ?? [:]).filter { Workstep.parts.contains($0.key) })
        let read: Workstep
        do throws(Problem) {
            read = try Workstep.parse(parts)
        } catch {
            // Who submitted sees the workstep as a part of the submission.
            var problem = error
            problem.errors = error.errors.map { Problem.Fault(pointer: "/workstep" + $0.pointer, detail: $0.detail) }
            problem.detail = "the workstep cannot be executed as it is: \(error.detail)"
            throw problem
        }
        self.parts = parts
        if let uuid = workstep?.uuid {
            workstep = WorkstepReference(uuid: uuid, revision: body["revision"]?.int ?? workstep?.revision)
        }
        return read
    }
}
