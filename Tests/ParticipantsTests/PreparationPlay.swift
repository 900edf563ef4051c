import ExecutionModel
import MessageBus
import OCI
import Preparation
import Processes
import Testing
import TestSupport
import Wire

/// A preparing participant with its back end, without a broker: what it decides is performed at once, for real.
final class PreparationPlay<Work: TaskWork> {
    let harness: DecisionHarness<TaskParticipant<Work.Kind>>
    let performer: TaskPerformer<Work>
    /// Everything that was published, the oldest first.
    private(set) var messages: [Outgoing] = []
    /// Activities that wait to be performed: a watch does not end by itself.
    private(set) var waiting: [Activity] = []

    init(_ participant: TaskParticipant<Work.Kind>, _ performer: TaskPerformer<Work>, site: SiteName) {
        harness = DecisionHarness(
            participant, address: Work.Kind.participant.address(at: site), now: .now())
        self.performer = performer
    }

    /// The broker's command or question, with all the work that follows.
    func command(_ type: MessageType, _ body: JSON, from sender: String = "execution-broker.ral") async throws {
        try await carryOut(
            try await harness.send(
                type.rawValue, body, from: sender, replyTo: isName(sender, upTo: 64) ? "client.\(sender).1" : sender,
                correlationID: "c1"))
    }

    /// Performs what a decision started, and what follows from its reports.
    func carryOut(_ effects: DecisionHarness<TaskParticipant<Work.Kind>>.Effects) async throws {
        messages += effects.messages
        waiting.removeAll { effects.cancelled.contains($0.id) }
        for activity in effects.started {
            if activity.name == "watch" {
                waiting.append(activity)
            } else {
                try await perform(activity)
            }
        }
    }

    func perform(_ activity: Activity) async throws {
        let outcome: ActivityReport.Outcome
        do {
            outcome = .completed(try await performer.perform(activity) { _ in })
        } catch {
            outcome = .failed("\(error)")
        }
        try await carryOut(try await harness.report(activity, outcome))
    }

    func last(_ type: MessageType) -> JSON? { messages.last { $0.type == type.rawValue }?.json }
}

/// Names that the tests of preparing participants share.
enum Preparing {
    static var site: SiteName { get throws { try #require(SiteName("ral")) } }
    static let task = "6f1c9c6e-0c0e-4c5a-9f5e-0d7f3a5e0001"
    static let session = "6f1c9c6e-0c0e-4c5a-9f5e-0d7f3a5e0002"

    static func head(task: String = task) throws -> TaskHead {
        TaskHead(
            task: try #require(TaskID(task)), session: try #require(SessionID(session)),
            owner: Owner(iss: "urn:srcnet:rabbitmq", sub: "ada"), deadline: .now() + .seconds(60))
    }

    /// An OCI layout with one image of one layer, made of a folder.
    static func makeRegistry(
        at path: String, from folder: String, name: String, entrypoint: [String] = [], command: [String] = [],
        environment: [String] = [], labels: [String: String] = [:]
    ) async throws -> Descriptor {
        let tar = folder + ".tar"
        _ = try await run(ProcessSettings("tar", ["-C", folder, "-cf", tar, "."]), deadline: .seconds(60)).checked()
        return try await BlockingWork.run { _ in
            let layout = try OCILayout(creating: path)
            let layer = try layout.write(contentsOf: tar, mediaType: "application/vnd.oci.image.layer.v1.tar")
            let configuration = ImageConfiguration(
                platform: .current, entrypoint: entrypoint, command: command, environment: environment, labels: labels,
                diffIDs: [layer.digest])
            try layout.addImage(
                layers: [layer], configuration: configuration, as: try OCI.ImageReference(parsing: name))
            return layer
        }
    }
}
