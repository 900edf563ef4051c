import ExecutionModel
import MessageBus
import Store
import Synchronization
import Testing
import Wire

@testable import Preparation

/// A participant whose work is watched, and that answers a question: all that a kind can have.
enum TestKind: TaskKind {
    typealias Command = PullDataCommand
    typealias Query = LocateQuery
    static let participant = ParticipantName.cavern
    static let work = "test-work"
    static let isWatched = true
}

let site = "ral"
let broker = "execution-broker.ral"
let task = "6f1c9c6e-0c0e-4c5a-9f5e-0d7f3a5e0001"
let session = "6f1c9c6e-0c0e-4c5a-9f5e-0d7f3a5e0002"
let start = Timestamp(microseconds: 1_795_514_400_000_000)

func body(of task: String = task, deadline: Duration? = .seconds(60)) -> JSON {
    .object(compacting: [
        "task": .string(task), "session": .string(session),
        "owner": ["iss": "urn:srcnet:rabbitmq", "sub": "ada", "groups": []],
        "deadline": deadline.map { .string((start + $0).description) },
    ])
}

typealias Harness = DecisionHarness<TaskParticipant<TestKind>>

func makeHarness(retention: Duration? = nil) throws -> Harness {
    let site = try #require(SiteName(site))
    return DecisionHarness(TaskParticipant(site: site, retention: retention), address: "cavern.ral", now: start)
}

extension DecisionHarness {
    /// The broker's command.
    func command(_ type: MessageType, _ body: JSON? = nil) async throws -> Effects {
        try await send(
            type.rawValue, body ?? ["task": .string(task)], from: broker, replyTo: broker, correlationID: "c1")
    }
}

extension DecisionHarness.Effects {
    /// The problem that the answer is.
    var problem: Problem? { messages(of: Problem.messageType).first.map { Problem($0.json) } }
    func first(_ type: MessageType) -> Outgoing? { messages(of: type.rawValue).first }
    var activities: [String] { started.map(\.name) }
    var events: [String] { messages(of: MessageType.taskEvent.rawValue).map(\.key) }
}
