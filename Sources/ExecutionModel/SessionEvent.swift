public import Wire

/// A request to set the phase of a session.
public struct PhaseRequest: Sendable, Hashable {
    /// On whose account.
    public enum Origin: Sendable, Hashable {
        /// The owner wants it.
        case owner
        /// Another offer of the same set was accepted, at this site or elsewhere.
        case sibling(SessionID?)
    }

    public var phase: Phase
    public var asker: Asker
    /// A fresh id, used if this begins an acceptance.
    public var claim: ClaimID
    public var callback: Callback?
    public var origin: Origin

    public init(
        phase: Phase, asker: Asker, claim: ClaimID, callback: Callback? = nil, origin: Origin = .owner
    ) {
        self.phase = phase
        self.asker = asker
        self.claim = claim
        self.callback = callback
        self.origin = origin
    }
}

/// The timers that a session sets.
public enum SessionTimer: String, Sendable, Hashable, Codable, CaseIterable {
    /// The offer's time is over.
    case expiry
    /// Permission or claim were not answered in time.
    case acceptance
    /// Preparing is to begin.
    case preparing
    /// Preparing has had its time.
    case preparation
    /// The site's cores and memory may now be used, or asked for again.
    case computing
    /// The end of its use is near.
    case warning
    /// Its use is over.
    case end
    /// What should be released by now is asked for again.
    case release
}

/// What happens to a session.
public enum SessionEvent: Sendable, Hashable {
    /// It is offered.
    case offered
    case setPhase(PhaseRequest)

    /// The permissions service has answered the question that went out under a claim id.
    case permission(ClaimID, PermissionAnswer)
    /// `global-execution` has answered a claim.
    case claim(ClaimID, ClaimAnswer)
    /// Another offer of its set was accepted at this site.
    case siblingAccepted(SessionID)

    /// A preparation.
    case task(TaskRole, TaskChange)
    /// The site has room for the session to begin now, as asked by `requestRoom`.
    case roomGranted
    /// It has none yet, against its promise: something that should be gone is still there.
    case roomTaken(until: Timestamp)

    case timer(SessionTimer)

    /// What the permissions service says.
    public enum PermissionAnswer: Sendable, Hashable {
        case granted
        /// With its reason, which is told to who asks.
        case denied(String)
        /// It gave no answer.
        case unanswered(Problem)
    }

    /// What `global-execution` says to a claim.
    public enum ClaimAnswer: Sendable, Hashable {
        case claimed
        /// Another offer of the set has won.
        case taken(by: SessionID?)
        /// Another problem, or none could be asked.
        case refused(Problem)
    }

    /// What happens to a preparation.
    public enum TaskChange: Sendable, Hashable {
        case progress(TaskProgress)
        /// It is done. `mayStayUntil` is the latest instant to which the site can hold the session beyond its promise,
        /// in case that it begins late.
        case completed(JSON, mayStayUntil: Timestamp?)
        case failed(TaskFailure)
        /// What it had made has ended by itself.
        case ended(TaskEnd)
        /// Nothing of it is left.
        case released
    }
}

/// What the broker then does, in the transaction that stores the session, in this order.
public enum SessionAction: Sendable, Hashable {
    /// Ask `permissions` whether the owner may; the answer comes back under the claim id.
    case askPermission(ClaimID)
    /// Claim the offer at `global-execution`.
    case claim(ClaimID)
    case unclaim(ClaimID)
    /// Answer with the session's document for its owner, as it was when this was decided.
    case answer(Asker, JSON)
    case refuse(Asker, Problem)
    /// Publish the event of a phase.
    case publish(SessionFact)
    /// Publish the warning that its use will end.
    case warn(endsAt: Timestamp)
    case callBack(CallbackMessage)
    /// Tell every other offer of the set at this site (`siblingAccepted`).
    case rejectSiblings

    /// Send the command that starts a preparation, to be done by the deadline.
    case startTask(TaskRole, deadline: Timestamp)
    /// Ask for room to compute: answered by `roomGranted` or `roomTaken`.
    case requestRoom
    /// Ask the participant to end a preparation and remove what it made.
    case releaseTask(TaskRole, keepResults: Bool)

    /// Hold what is offered until then, and no longer as it was.
    case holdCapacity(until: Timestamp)
    /// What was offered is free.
    case freeCapacity

    case setTimer(SessionTimer, at: Timestamp)
    case cancelTimer(SessionTimer)
}

/// A callback to be sent.
public struct CallbackMessage: Sendable, Hashable, Codable {
    public var session: SessionID
    public var type: Callback.Delivery
    public var address: String
    public var body: JSON
    /// Counts the callbacks of this session to this address, from 1.
    public var sequence: Int64
    /// The correlation id of the request that registered it.
    public var correlation: String?

    public init(
        session: SessionID, type: Callback.Delivery, address: String, body: JSON, sequence: Int64, correlation: String?
    ) {
        self.session = session
        self.type = type
        self.address = address
        self.body = body
        self.sequence = sequence
        self.correlation = correlation
    }
}

/// How long the broker waits for what.
public struct SessionSettings: Sendable, Hashable {
    /// For an answer of `permissions`.
    public var permission = Duration.seconds(5)
    /// For an answer of `global-execution` to a claim.
    public var claim = Duration.seconds(5)
    /// Preparing fails after so many times the expected duration,
    public var preparationFactor = 3
    /// but not before this.
    public var preparationLeast = Duration.seconds(600)
    /// Before a release that was not confirmed is asked for again.
    public var release = Duration.seconds(30)
    /// How long before the end the owner is warned; a short session, in its last tenth.
    public var warning = Duration.seconds(300)
    /// How many callbacks one session can have.
    public var callbacks = 16

    public init() {}
}
