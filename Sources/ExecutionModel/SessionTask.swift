public import Wire

/// What a preparation is for a session. The session itself is the last of them.
public enum TaskRole: String, Sendable, Hashable, Codable, CaseIterable {
    /// Brings the data to the site.
    case prepareData = "prepare-data"
    /// Brings the user's own storage.
    case cavern
    /// Brings the image.
    case harbor
    /// Runs the session on all that.
    case canfar

    /// The three that need nothing of each other, in the order in which they are asked.
    public static let parallel: [TaskRole] = [.prepareData, .cavern, .harbor]

    /// Who does it.
    public var participant: ParticipantName {
        switch self {
        case .prepareData: .prepareData
        case .cavern: .cavern
        case .harbor: .harbor
        case .canfar: .canfar
        }
    }

    /// The command that starts it.
    public var startType: MessageType {
        switch self {
        case .prepareData: .dataPrepare
        case .cavern: .dataPull
        case .harbor: .imagePull
        case .canfar: .sessionStart
        }
    }
}

/// A preparation as the broker knows it.
public struct SessionTask: Sendable, Hashable, Codable {
    /// How far it is.
    public enum Stage: String, Sendable, Hashable, Codable, CaseIterable {
        /// Nobody was asked yet.
        case planned
        /// The command is on its way or under way.
        case asked
        case completed
        case failed
        /// The participant was asked to remove what it made.
        case releasing
        /// Nothing of it is left, or it was never asked for.
        case released
    }

    public let role: TaskRole
    /// Chosen by the broker, so that a task can be called off before it has answered.
    public let id: TaskID
    public internal(set) var stage: Stage = .planned
    public internal(set) var progress: TaskProgress?
    public internal(set) var failure: TaskFailure?
    /// What it made; that of the session holds its token.
    public internal(set) var result: JSON?

    public init(role: TaskRole, id: TaskID) {
        self.role = role
        self.id = id
    }

    /// The phase of the components that it prepares.
    func componentPhase(in phase: Phase) -> ComponentPhase {
        if failure != nil { return .failed }
        switch stage {
        case .planned: return phase == .waiting ? .waiting : .initializing
        case .asked: return .preparing
        case .completed: return role == .canfar ? .running : .available
        case .failed: return .failed
        case .releasing: return .releasing
        case .released: return phase == .releasing || phase == .completed ? .completed : .cancelled
        }
    }
}
