package import ExecutionModel
package import MessageBus
package import Wire

/// The side of a preparing participant that touches the world.
///
/// Each function may be called again after a crash, and looks first at what is already there.
package protocol TaskWork: Sendable {
    associatedtype Kind: TaskKind

    /// Does what the command says and returns the result for the broker.
    ///
    /// When it throws, `remove` is called next, in the same lane; when it is cancelled because the worker stops, it is
    /// performed again at the next start, so what is half done may stay where it can be taken up again.
    /// - Throws: `TaskFailure` with a reason for programs and words for the owner.
    func perform(_ command: Kind.Command, progress: @escaping @Sendable (TaskProgress) -> Void) async throws -> JSON

    /// Removes whatever the command made, whole or half done; nothing to remove is no error.
    /// - Parameter keep: what the session has left is kept for its owner.
    func remove(_ command: Kind.Command, keep: Bool) async throws

    /// Returns when what the command made has ended by itself.
    func watch(_ command: Kind.Command) async throws -> TaskEnd

    /// Removes what no task has needed for the time that its kind keeps it; beside the tasks' own activities.
    func tidy() async throws

    /// Finds the answer to a question; a thrown `Problem` is the answer.
    func answer(_ query: Kind.Query) async throws -> JSON
}

extension TaskWork {
    package func watch(_ command: Kind.Command) async throws -> TaskEnd {
        throw ActivityFailure("nothing that \(Kind.participant) makes ends by itself")
    }
}

extension TaskWork {
    package func tidy() async throws {}
}

extension TaskWork where Kind.Query == NoQuery {
    package func answer(_ query: NoQuery) async throws -> JSON { [:] }
}

/// Performs the activities of a `TaskParticipant`.
package struct TaskPerformer<Work: TaskWork>: Performer {
    let work: Work

    package init(_ work: Work) { self.work = work }

    package func perform(
        _ activity: Activity, progress: @escaping @Sendable (JSON) -> Void
    ) async throws -> JSON {
        if activity.name == Activity.query { return try await answer(activity) }
        if activity.name == Activity.tidy {
            try await work.tidy()
            return [:]
        }
        guard let body = activity.input["command"] else { throw ActivityFailure("the command is missing") }
        let command = try Work.Kind.Command(body)
        switch activity.name {
        case Work.Kind.work:
            do {
                return ["result": try await work.perform(command) { progress($0.json) }]
            } catch let failure as TaskFailure {
                // The one report of a failure has room for a sentence only; its word for programs goes this way.
                return ["failure": failure.json]
            }
        case Activity.release, Activity.clean:
            try await work.remove(command, keep: activity.input["keep"]?.bool ?? false)
            return [:]
        case Activity.watch: return try await work.watch(command).json
        default: throw ActivityFailure("no activity is known by the name \(activity.name)")
        }
    }

    private func answer(_ activity: Activity) async throws -> JSON {
        do {
            return ["answer": try await work.answer(try Work.Kind.Query(activity.input["query"] ?? [:]))]
        } catch let problem as Problem {
            return ["problem": problem.json]
        }
    }
}
