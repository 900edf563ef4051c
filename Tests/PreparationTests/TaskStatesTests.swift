import ExecutionModel
import Store
import Testing
import Wire

@testable import MessageBus
@testable import Preparation

/// Each state of a task with each message that a broker may send, and what must be the same for all of them.
@Suite struct TaskStatesTests {
    /// How a task is brought into a state by messages and reports alone.
    enum Way: String, CaseIterable, CustomTestStringConvertible {
        case unknown, running, completed, ended, failed, cancelled, cancelledBefore, overdue, releasing, released

        var testDescription: String { rawValue }

        func play() async throws -> Harness {
            let harness = try makeHarness()
            if self == .unknown { return harness }
            if self == .cancelledBefore {
                _ = try await harness.command(.taskCancel)
                return harness
            }
            let work = try #require(try await harness.command(.dataPull, body()).started.first)
            switch self {
            case .completed, .ended, .releasing, .released:
                let effects = try await harness.report(work, .completed(["result": ["made": true]]))
                let watch = try #require(effects.started.first)
                if self == .ended {
                    _ = try await harness.report(watch, .completed(TaskEnd("closed", isFailure: false).json))
                }
                guard self == .releasing || self == .released else { break }
                let release = try #require(try await harness.command(.taskRelease).started.first)
                if self == .released { _ = try await harness.report(release, .completed([:])) }
            case .failed: _ = try await harness.report(work, .failed("broken"))
            case .cancelled: _ = try await harness.command(.taskCancel)
            case .overdue: _ = try await harness.advance(by: .seconds(61))
            case .unknown, .cancelledBefore, .running: break
            }
            return harness
        }
    }

    private static let messages: [MessageType] = [.dataPull, .taskGet, .taskCancel, .taskRelease]

    @Test(arguments: Way.allCases, messages)
    func `every message in every state is answered, at once or when the release is done`(
        _ way: Way, _ type: MessageType
    ) async throws {
        let harness = try await way.play()
        var effects = try await harness.command(type, type == .dataPull ? body() : nil)
        if type == .taskRelease, effects.first(.task) == nil {
            // A release is answered when nothing is left: its activity, or that of the work before it, tells.
            for (activity, isCancelled) in try await activities(in: harness) where isCancelled {
                _ = try await harness.report(activity, .cancelled)
            }
            let release = try #require(try await activities(in: harness).last { $0.activity.name == "release" })
            effects = try await harness.report(release.activity, .completed([:]))
        }
        let answers = effects.messages.filter { $0.correlationID == "c1" && $0.exchange == .replies }
            .filter { $0.type != MessageType.taskDone.rawValue }
        #expect(answers.contains { $0.type == MessageType.task.rawValue || $0.type == Problem.messageType })
    }

    @Test(arguments: Way.allCases)
    func `after a release nothing is left to do, and a late start starts nothing`(_ way: Way) async throws {
        let harness = try await way.play()
        _ = try await harness.command(.taskRelease)
        for _ in 0..<4 {
            for (activity, isCancelled) in try await activities(in: harness) {
                _ = try await harness.report(activity, isCancelled ? .cancelled : .completed([:]))
            }
        }
        #expect(try await activities(in: harness).isEmpty)
        let get = try await harness.command(.taskGet)
        #expect(get.first(.task)?.json["released"] == true)
        #expect(try await harness.command(.dataPull, body()).started.isEmpty)
    }

    @Test(arguments: Way.allCases)
    func `work that has not ended well is never left lying`(_ way: Way) async throws {
        let harness = try await way.play()
        let names = try await activities(in: harness).map(\.activity.name)
        switch way {
        case .failed, .cancelled, .overdue: #expect(names.contains("clean"))
        case .completed, .ended: #expect(!names.contains("clean"))
        default: break
        }
    }

    /// The activities that are stored as started and not ended, in the order of their starts.
    private func activities(in harness: Harness) async throws -> [(activity: Activity, isCancelled: Bool)] {
        let stored = try await harness.store.transact { transaction in
            try transaction.states(ofKind: StoredActivity.kind, group: nil, after: nil, limit: .max)
                .map { try decodeState(StoredActivity.self, $0) }
        }
        return stored.sorted { $0.order < $1.order }.map { ($0.activity, $0.isCancelled) }
    }
}
