internal import ExecutionModel
internal import Wire

/// The body of `srcnet.workstep.execute.v1`: `{uuid, revision?, mode?, deadline?, callback?}`.
///
/// What is said of mode, deadline and callback is for `global-execution` to judge; only their form is looked at here.
struct Execution {
    let uuid: WorkstepID
    let revision: Int64?
    private let passedOn: [String: JSON]

    init(parsing json: JSON) throws(Problem) {
        let reader = JSONReader(json)
        let uuid = reader.identifier("uuid", of: WorkstepID.self, required: true)
        revision = reader.int("revision", in: 1...Int64.max)
        passedOn = [
            "mode": reader.text("mode").map(JSON.string),
            "deadline": reader.timestamp("deadline").map { .string($0.description) },
            "callback": reader.object("callback")?.json,
        ].compactMapValues { $0 }
        try reader.finish()
        guard let uuid else { throw Problem(.invalid, "This is no execution of a workstep") }
        self.uuid = uuid
    }

    /// The body of `srcnet.workstep.submit.v1`.
    func submission(of workstep: StoredWorkstep) -> JSON {
        var body = passedOn
        body["workstep"] = workstep.submission
        return .object(body)
    }
}
