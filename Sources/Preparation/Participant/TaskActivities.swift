internal import ExecutionModel
internal import MessageBus
internal import Wire

/// The names of the activities that all preparing participants have; the work itself is named by its kind.
extension Activity {
    /// Removes what a task made, because the broker asked for it.
    static let release = "release"
    /// Removes what a failed or cancelled task has left.
    static let clean = "clean"
    /// Waits until what a completed task made ends by itself.
    static let watch = "watch"
    /// Removes what no task has needed for a while.
    static let tidy = "tidy"
    /// Finds the answer to a question.
    static let query = "query"

    static func id(_ name: String, _ task: TaskID) -> String { "\(task)/\(name)" }
}

/// The timers of a task.
enum TaskTimer {
    case machine(TaskMachine.Timer)
    /// Removing what a failed task has left is tried again.
    case clean
    /// A task that is over is forgotten.
    case forget
    /// What tasks have left for others is looked through. Of no task.
    case tidy

    /// How long a task that is over can be asked about, and late commands find out that it is: as long as the answers
    /// to commands are remembered (contract.md, Idempotency).
    static let memory = Duration.seconds(86_400)

    var word: String {
        switch self {
        case .machine(let timer): timer.rawValue
        case .clean: "clean"
        case .forget: "forget"
        case .tidy: "tidy"
        }
    }

    init?(_ word: String) {
        switch word {
        case "clean": self = .clean
        case "forget": self = .forget
        case "tidy": self = .tidy
        default:
            guard let timer = TaskMachine.Timer(rawValue: word) else { return nil }
            self = .machine(timer)
        }
    }

    func name(of task: TaskID) -> String { "task/\(task)/\(word)" }
}

extension TaskFailure {
    /// How a performer reports it.
    var json: JSON { .object(compacting: ["reason": .string(reason), "detail": detail.map(JSON.string)]) }

    init(_ json: JSON) {
        self.init(json["reason"]?.string ?? "failed", json["detail"]?.string)
    }
}
