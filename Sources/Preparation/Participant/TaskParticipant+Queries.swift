internal import ExecutionModel
internal import MessageBus
internal import Wire

extension TaskParticipant {
    /// How long an answer is looked for where the question says nothing.
    private static var patience: Duration { .seconds(30) }

    /// Decisions touch nothing of the world: an activity looks, and its report answers.
    func look(_ message: Message, _ decision: inout Decision) throws {
        let query = try Kind.Query(message.body)
        guard !Kind.Query.isForBrokerOnly || message.sender == ParticipantName.executionBroker.address(at: site) else {
            throw Problem(.notAuthorised, "only the broker of \(site) may ask this")
        }
        let until = message.deadline ?? decision.now + Self.patience
        let id = decision.newID()
        decision.start(
            Activity(
                id: id, name: Activity.query, lane: id,
                input: [
                    "query": query.json, "request": try JSON(stored: message.request),
                    "until": .string(until.description),
                ]))
    }

    func answer(_ report: ActivityReport, _ decision: inout Decision) throws {
        guard report.isFinal, let stored = report.activity.input["request"],
            let until = report.activity.input["until"]?.string.flatMap(Timestamp.init)
        else { return }
        let request = try stored.restored(Request.self)
        guard decision.now <= until else {
            return decision.refuse(request, Problem(.deadlineExceeded, "the answer was not found by \(until)"))
        }
        switch report.outcome {
        case .completed(let outcome):
            if let problem = outcome["problem"] {
                decision.refuse(request, Problem(problem))
            } else {
                decision.answer(request, Kind.Query.answerType.rawValue, outcome["answer"] ?? [:])
            }
        default: decision.refuse(request, Problem(.unavailable, "it could not be looked up now"))
        }
    }
}
