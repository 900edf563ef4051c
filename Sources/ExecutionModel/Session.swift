public import Wire

/// A session from offer to end: one thing with one UUID, kept by the broker of its site.
///
/// It is data; `SessionMachine` alone decides what happens to it.
public struct Session: Sendable, Hashable, Codable {
    public let id: SessionID
    public let offerset: OfferSetID
    /// `<name of the executable>-offer-<number>`.
    public let name: String
    public let site: SiteName
    public let owner: Owner
    /// The editor's workstep that it came from.
    public let workstep: WorkstepReference?
    public let created: Timestamp

    /// The parts of the workstep as they were submitted, in the words of the newest generation.
    public let parts: JSON
    /// What is offered of the site's cores.
    public let cores: Int64
    /// GiB.
    public let memory: Int64
    /// What was expected when the offer was made.
    public let estimate: PreparationEstimate

    public internal(set) var phase: Phase = .initial
    /// The phase before, and since when it has this one.
    public internal(set) var previous: Phase?
    public internal(set) var phaseSince: Timestamp
    /// Counts its events.
    public internal(set) var sequence: Int64 = 0
    /// Why it has this phase, where there is a reason.
    public internal(set) var reason: TaskFailure?

    /// Until when the offer stands; nil once that is decided.
    public internal(set) var expires: Timestamp?
    public internal(set) var schedule: Schedule
    public internal(set) var observed = ObservedSchedule()
    /// When its use will end.
    public internal(set) var endsAt: Timestamp?

    public internal(set) var tasks: [SessionTask]
    public internal(set) var connectors: [Connector] = []
    /// What of the promised limits the site does not enforce, in words.
    public internal(set) var unlimited: [String] = []
    public internal(set) var callbacks: [Callback] = []
    /// How many callbacks each address has got.
    var callbackCounts: [String: Int64] = [:]

    /// An acceptance that waits for permission or claim.
    public internal(set) var acceptance: Acceptance?
    /// The claim by which it was accepted.
    public internal(set) var claim: ClaimID?
    /// The sibling that was accepted in its stead.
    public internal(set) var takenBy: Taken?

    /// Whether the site still holds what was offered.
    public internal(set) var holdsCapacity = false
    /// Whether results are saved when it is released.
    public internal(set) var keepsResults = false
    /// The timers that are set.
    public internal(set) var timers: Set<SessionTimer> = []

    let components: Components

    /// That a sibling was accepted; which one is not always known.
    public struct Taken: Sendable, Hashable, Codable {
        public var by: SessionID?
    }

    /// The UUIDs of its parts.
    struct Components: Sendable, Hashable, Codable {
        var executable: ComponentID
        var compute: ComponentID
        var data: [ComponentID]
        var storage: [ComponentID]
    }

    /// The task of a role.
    public func task(_ role: TaskRole) -> SessionTask? { tasks.first { $0.role == role } }

    /// The parts, read.
    public func readWorkstep() throws(Problem) -> Workstep { try Workstep.parse(parts) }
}

/// An acceptance under way: permission first, then the claim (contract.md, "Accepting, in this order").
public struct Acceptance: Sendable, Hashable, Codable {
    /// What is waited for.
    public enum Stage: String, Sendable, Hashable, Codable {
        case permission, claim
    }

    /// One who asked for it, and the callback that came along.
    public struct Waiting: Sendable, Hashable, Codable {
        public var asker: Asker
        public var callback: Callback?
    }

    public var stage: Stage
    /// Fresh for each acceptance; the question for permission goes under it too.
    public var claim: ClaimID
    public var waiting: [Waiting]
}

/// What a broker has decided to offer.
public struct Offer: Sendable, Hashable {
    public var cores: Int64
    /// GiB.
    public var memory: Int64
    public var schedule: Schedule
    public var expires: Timestamp
    public var estimate: PreparationEstimate

    public init(
        cores: Int64, memory: Int64, schedule: Schedule, expires: Timestamp, estimate: PreparationEstimate
    ) {
        self.cores = cores
        self.memory = memory
        self.schedule = schedule
        self.expires = expires
        self.estimate = estimate
    }
}

extension Session {
    /// A session in phase INITIAL; the event `offered` makes it an offer.
    ///
    /// - Parameters:
    ///   - number: its number in the set, from 0.
    ///   - newID: a source of UUIDs.
    public init(
        _ offer: Offer, number: Int, of request: OfferRequest, at site: SiteName, now: Timestamp, newID: () -> String
    ) throws(Problem) {
        id = try .new(from: newID)
        offerset = request.offerset
        name = "\(request.request.executable.name ?? request.request.executable.kind.rawValue)-offer-\(number)"
        self.site = site
        owner = request.owner
        workstep = request.workstep
        created = now
        cores = offer.cores
        memory = offer.memory
        estimate = offer.estimate
        phaseSince = now
        expires = offer.expires
        schedule = offer.schedule
        var tasks: [SessionTask] = []
        for role in TaskRole.allCases where role != .prepareData || !request.request.data.isEmpty {
            tasks.append(SessionTask(role: role, id: try .new(from: newID)))
        }
        self.tasks = tasks
        var data: [ComponentID] = []
        for _ in request.request.data { data.append(try .new(from: newID)) }
        var storage: [ComponentID] = []
        for _ in request.request.storage { storage.append(try .new(from: newID)) }
        components = Components(
            executable: try .new(from: newID), compute: try .new(from: newID), data: data, storage: storage)
        parts = CanonicalParts.make(request.parts, request.request)
    }
}
