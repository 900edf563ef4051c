/// Where a session stands, from offer to end: the 13 phases of the IVOA execution broker.
public enum Phase: String, Sendable, Hashable, Codable, CaseIterable, Comparable, CustomStringConvertible {
    case initial = "INITIAL"
    case offered = "OFFERED"
    case accepted = "ACCEPTED"
    case waiting = "WAITING"
    case preparing = "PREPARING"
    case available = "AVAILABLE"
    case running = "RUNNING"
    case releasing = "RELEASING"
    case rejected = "REJECTED"
    case expired = "EXPIRED"
    case completed = "COMPLETED"
    case failed = "FAILED"
    case cancelled = "CANCELLED"

    public var description: String { rawValue }

    /// The word in routing keys: `session.<site>.<word>.<uuid>`.
    public var word: String { rawValue.lowercased() }

    /// How far along it is. A session moves only to a phase of higher rank; all terminal phases have the same.
    public var rank: Int {
        switch self {
        case .initial: 0
        case .offered: 1
        case .accepted: 2
        case .waiting: 3
        case .preparing: 4
        case .available: 5
        case .running: 6
        case .releasing: 7
        case .rejected, .expired, .completed, .failed, .cancelled: 8
        }
    }

    /// Whether nothing follows.
    public var isTerminal: Bool { rank == Phase.completed.rank }

    /// Whether the session was accepted and has not ended.
    public var isUnderWay: Bool { self > .offered && !isTerminal }

    /// Whether its owner can use it now.
    public var isUsable: Bool { self == .available || self == .running }

    /// The same in a plain word.
    public var status: SessionStatus {
        switch self {
        case .initial, .offered: .offered
        case .accepted, .waiting, .preparing: .preparing
        // "completed" is said only when it is final: who polls for it then finds the results saved.
        case .available, .running, .releasing: .available
        case .completed: .completed
        case .rejected, .expired, .failed, .cancelled: .failed
        }
    }

    public static func < (left: Phase, right: Phase) -> Bool { left.rank < right.rank }
}

/// `status` of a session: its phase in plain words (contract.md, Submitting).
public enum SessionStatus: String, Sendable, Hashable, Codable, CaseIterable {
    case offered, preparing, available, completed, failed
}

/// Where one part of a session stands: the nine component phases of the IVOA execution broker.
public enum ComponentPhase: String, Sendable, Hashable, Codable, CaseIterable {
    case initializing = "INITIALIZING"
    case waiting = "WAITING"
    case preparing = "PREPARING"
    case available = "AVAILABLE"
    case running = "RUNNING"
    case releasing = "RELEASING"
    case completed = "COMPLETED"
    case failed = "FAILED"
    case cancelled = "CANCELLED"

    /// Whether nothing follows.
    public var isTerminal: Bool { self == .completed || self == .failed || self == .cancelled }
}
