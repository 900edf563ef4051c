internal import ExecutionModel
package import MessageBus
package import Preparation
package import Store
package import Wire

/// The participant that offers what its site has, holds what it offered, and takes a session from offer to end.
///
/// What happens to one session its machine decides; the broker brings it what it hears, and carries out what it wants.
/// It is the one writer of its site's capacity.
package struct ExecutionBroker: Participant {
    package static let accepts: [String: Treatment] = [
        MessageType.offerRequest.rawValue: .command,
        MessageType.sessionSetPhase.rawValue: .command,
        MessageType.sessionGet.rawValue: .query,
        MessageType.sessionList.rawValue: .query,
        MessageType.replicas.rawValue: .answer,
        MessageType.image.rawValue: .answer,
        MessageType.permission.rawValue: .answer,
        MessageType.offerClaimed.rawValue: .answer,
        MessageType.task.rawValue: .answer,
        MessageType.taskDone.rawValue: .answer,
        MessageType.taskEnded.rawValue: .answer,
        MessageType.problem.rawValue: .answer,
    ]

    let settings: BrokerSettings
    var ledger: CapacityLedger
    /// When it last decided on anything, for its signs of life.
    private var lastDecision: Timestamp?

    package init(_ settings: BrokerSettings) {
        self.settings = settings
        ledger = CapacityLedger(cores: settings.cores, memory: settings.memory)
    }

    /// The broker of a site; it performs no activities.
    package static func worker(_ file: SiteFile) throws(Problem) -> ExecutionBroker {
        ExecutionBroker(try BrokerSettings(file))
    }

    package mutating func restore(from store: any StoreTransaction, at now: Timestamp) throws {
        ledger = CapacityLedger(cores: settings.cores, memory: settings.memory)
        try ledger.restore(from: store)
        lastDecision = now
    }

    /// What there is, and what of it nobody holds at the moment.
    package var vitalSigns: JSON? {
        let now = lastDecision ?? Timestamp(microseconds: 0)
        let held = ledger.capacity.held(at: now)
        return [
            "cores": .int(settings.cores), "memory": .int(settings.memory),
            "free": [
                "cores": .int(max(0, settings.cores - held.cores)),
                "memory": .int(max(0, settings.memory - held.memory)),
            ],
        ]
    }

    package mutating func decide(_ input: Input, _ decision: inout Decision) throws {
        lastDecision = decision.now
        ledger.begin()
        do {
            switch input {
            case .message(let message): try take(message, &decision)
            case .timer(let timer): try take(timer, &decision)
            case .activity: break
            }
        } catch {
            ledger.undo()
            throw error
        }
    }

    private mutating func take(_ message: Message, _ decision: inout Decision) throws {
        switch MessageType(rawValue: message.type) {
        case .offerRequest: try takeOfferRequest(message, &decision)
        case .replicas, .image: try takeKnowledge(message, &decision)
        case .sessionSetPhase: try setPhase(message, &decision)
        case .sessionGet: try getSession(message, &decision)
        case .sessionList: try listSessions(message, &decision)
        case .permission: try takePermission(message, &decision)
        case .offerClaimed: try takeClaimed(message, &decision)
        case .task, .taskDone, .taskEnded: try takeTask(message, &decision)
        case .problem: try takeProblem(message, &decision)
        default: break
        }
    }

    private mutating func take(_ timer: FiredTimer, _ decision: inout Decision) throws {
        switch BrokerTimer(name: timer.name) {
        case .answers(let id): try answersAreDue(id, &decision)
        case .session(let id, let timer): try play(.timer(timer), on: id, &decision)
        case .unclaim(let id, let claim): try unclaimAgain(id, claim, &decision)
        case nil: break
        }
    }

    /// Who was asked answers with a problem, or could not be reached.
    private mutating func takeProblem(_ message: Message, _ decision: inout Decision) throws {
        guard let problem = message.problem else { return }
        switch Correlation(message.correlationID) {
        case .data(let id):
            try require(message, from: .prepareData)
            try note(.problem(problem.json), \.data, of: id, &decision)
        case .image(let id):
            try require(message, from: .harbor)
            try note(.problem(problem.json), \.image, of: id, &decision)
        case .permission(let id, let claim):
            try require(message, from: .permissions)
            try play(.permission(claim, .unanswered(problem)), on: id, &decision)
        case .claim(let id, let claim):
            try require(message, from: .globalExecution)
            try takeClaimProblem(problem, id, claim, &decision)
        case .unclaim(let id, let claim):
            try require(message, from: .globalExecution)
            try takeUnclaimProblem(problem, id, claim, &decision)
        case .task(let id, let role):
            try require(message, from: role.participant)
            try play(.task(role, .failed(TaskFailure(problem.kind.rawValue, problem.detail))), on: id, &decision)
        case .release(let id, let role):
            try require(message, from: role.participant)
            // Any other problem passes: the release is asked for again after a while.
            if problem.kind == .notFound { try play(.task(role, .released), on: id, &decision) }
        case nil: throw Problem(.invalid, "nothing was asked as \(message.correlationID ?? "nothing")")
        }
    }

    /// The address of a participant, at this site where each site has one.
    func address(of name: ParticipantName) -> String { name.address(at: name.isAtSite ? settings.site : nil) }

    /// Believes a message only from whom it can come.
    func require(_ message: Message, from name: ParticipantName) throws(Problem) {
        guard message.sender == address(of: name) else {
            throw Problem(
                .notAuthorised, "\(message.type) is taken from \(address(of: name)) only, not from \(message.sender)")
        }
    }
}
