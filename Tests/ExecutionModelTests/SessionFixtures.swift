import ExecutionModel
import Testing
import Wire

/// A session and all that its machine wanted to be done, for tests.
struct SessionPlay {
    var machine: SessionMachine
    var actions: [SessionAction] = []
    var now = instant(0)

    var session: Session { machine.session }

    init(_ session: Session, settings: SessionSettings = SessionSettings()) {
        machine = SessionMachine(session, settings: settings)
    }

    /// What one event leads to; `at` in seconds moves the time.
    @discardableResult
    mutating func play(_ event: SessionEvent, at seconds: Double? = nil) throws -> [SessionAction] {
        if let seconds { now = instant(seconds) }
        let new = try machine.handle(event, at: now)
        actions += new
        return new
    }

    mutating func play(_ events: [SessionEvent]) throws {
        for event in events { try play(event) }
    }

    /// The phases that were published, in order.
    var published: [Phase] {
        actions.compactMap { if case .publish(let fact) = $0 { fact.phase } else { nil } }
    }

    /// How many warnings of its end were published.
    var warnings: Int { actions.count { if case .warn = $0 { true } else { false } } }

    /// The bodies of the callbacks, in order.
    var callbacks: [JSON] {
        actions.compactMap { if case .callBack(let message) = $0 { message.body } else { nil } }
    }
}

let offerRequest: OfferRequest = {
    do {
        return OfferRequest(
            parts: notebookParts, request: try Workstep.parse(notebookParts),
            workstep: WorkstepReference(uuid: identifier(90), revision: 2), offerset: identifier(91),
            owner: Owner(iss: "urn:srcnet:rabbitmq", sub: "ada"), deadline: instant(2))
    } catch {
        preconditionFailure("the example is valid: \(error)")
    }
}()

let siteRAL: SiteName = {
    guard let site = SiteName("ral") else { preconditionFailure("ral is a site's name") }
    return site
}()

/// An offer of an hour from now on, prepared in 20 s, that stands for 300 s; or one that begins later.
func makeOffer(preparing: Double = 0, computing: Double? = nil, slack: Double = 300) -> Offer {
    let rates = TransferRates(otherwise: 1_000_000)
    let estimate = PreparationEstimate(
        image: .init(bytes: 5_000_000, isLocal: false, source: "registry", rates: rates),
        data: [.init(bytes: 15_000_000, isLocal: false, source: "RSE_B", rates: rates)], compute: .seconds(5))
    let schedule = Schedule(
        preparing: instant(preparing), preparation: .seconds(20), computing: instant(computing ?? preparing),
        available: instant(preparing + 20), slack: .seconds(slack), duration: .seconds(3_600), releasing: .seconds(10))
    return Offer(cores: 2, memory: 2, schedule: schedule, expires: instant(300), estimate: estimate)
}

func makeSession(_ offer: Offer = makeOffer(), of request: OfferRequest = offerRequest) -> Session {
    var count: UInt64 = 1_000
    do {
        return try Session(offer, number: 0, of: request, at: siteRAL, now: instant(0)) {
            count += 1
            return uuid(count)
        }
    } catch {
        preconditionFailure("the session is valid: \(error)")
    }
}

func setPhase(
    _ phase: Phase, from name: String = "owner", claim: UInt64 = 1, callback: Callback? = nil,
    origin: PhaseRequest.Origin = .owner
) -> SessionEvent {
    .setPhase(
        PhaseRequest(
            phase: phase, asker: asker(name), claim: identifier(claim), callback: callback, origin: origin))
}

let sessionURL = "http://127.0.0.1:4711/session/notebook/x/?token=secret"
let startedSession = StartedSession(url: sessionURL, token: "secret", kind: .jupyterNotebook).json

/// The ways on from one situation to the next.
enum Way {
    static let permission: [SessionEvent] = [.offered, setPhase(.accepted)]
    static let claim = permission + [.permission(identifier(1), .granted)]
    static let accepted = claim + [.claim(identifier(1), .claimed)]
    static let prepared =
        accepted
        + [
            .task(.harbor, .completed([:], mayStayUntil: nil)), .task(.cavern, .completed([:], mayStayUntil: nil)),
            .task(.prepareData, .completed(["files": 1], mayStayUntil: nil)),
        ]
    static let starting = prepared + [.roomGranted]
    static let available = starting + [.task(.canfar, .completed(startedSession, mayStayUntil: nil))]
    static let releasing = available + [setPhase(.releasing)]
    static let released: [SessionEvent] = [
        .task(.canfar, .released), .task(.cavern, .released), .task(.harbor, .released),
        .task(.prepareData, .released),
    ]
}

enum Situation: String, CaseIterable {
    case initial, offered, permission, claim, waiting, preparing, prepared, starting, available, releasing
    case rejected, taken, expired, completed, failed, cancelled

    func play() throws -> SessionPlay {
        var play = SessionPlay(makeSession(self == .waiting ? makeOffer(preparing: 1_000, slack: 0) : makeOffer()))
        switch self {
        case .initial: break
        case .offered: try play.play(.offered)
        case .permission: try play.play(Way.permission)
        case .claim: try play.play(Way.claim)
        case .waiting, .preparing: try play.play(Way.accepted)
        case .prepared: try play.play(Way.prepared)
        case .starting: try play.play(Way.starting)
        case .available: try play.play(Way.available)
        case .releasing: try play.play(Way.releasing)
        case .rejected: try play.play([.offered, setPhase(.rejected)])
        case .taken: try play.play([.offered, .siblingAccepted(identifier(8))])
        case .expired: try play.play([.offered, .timer(.expiry)])
        case .completed: try play.play(Way.releasing + Way.released)
        case .failed: try play.play(Way.accepted + [.task(.harbor, .failed(TaskFailure("digest-mismatch")))])
        case .cancelled: try play.play(Way.accepted + [setPhase(.cancelled)])
        }
        play.actions = []
        return play
    }

    var phase: Phase {
        switch self {
        case .initial: .initial
        case .offered, .permission, .claim: .offered
        case .waiting: .waiting
        case .preparing, .prepared, .starting: .preparing
        case .available: .available
        case .releasing: .releasing
        case .rejected, .taken: .rejected
        case .expired: .expired
        case .completed: .completed
        case .failed: .failed
        case .cancelled: .cancelled
        }
    }
}
