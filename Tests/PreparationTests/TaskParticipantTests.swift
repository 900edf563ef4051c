import ExecutionModel
import MessageBus
import Store
import Testing
import Wire

@testable import Preparation

@Suite struct TaskParticipantTests {
    @Test func `a command is answered at once, tells the world, and starts the work`() async throws {
        let harness = try makeHarness()
        let effects = try await harness.command(.dataPull, body())
        let answer = try #require(effects.first(.task))
        #expect(answer.key == broker)
        #expect(answer.correlationID == "c1")
        #expect(answer.json["status"] == "running")
        #expect(effects.events == ["task.ral.cavern-running.\(task)"])
        #expect(effects.activities == ["test-work"])
        #expect(effects.started.first?.lane == task)
    }

    @Test func `the result goes to the broker alone, and what was made is watched`() async throws {
        let harness = try makeHarness()
        let work = try #require(try await harness.command(.dataPull, body()).started.first)
        let effects = try await harness.report(work, .completed(["result": ["token": "secret"]]))
        let done = try #require(effects.first(.taskDone))
        #expect(done.key == broker)
        #expect(done.correlationID == "c1")
        #expect(done.json["result"]?["token"] == "secret")
        #expect(effects.events == ["task.ral.cavern-completed.\(task)"])
        #expect(effects.activities == ["watch"])
        let event = try #require(effects.first(.taskEvent))
        #expect(!event.json.text.contains("secret"))
    }

    @Test func `progress is published as it comes`() async throws {
        let harness = try makeHarness()
        let work = try #require(try await harness.command(.dataPull, body()).started.first)
        let effects = try await harness.report(work, .progress(["done": 5, "total": 10, "unit": "bytes"]))
        #expect(effects.first(.taskEvent)?.json["progress"] == ["done": 5, "total": 10, "unit": "bytes"])
    }

    @Test func `a failure is told with its reason, and what is half done is removed`() async throws {
        let harness = try makeHarness()
        let work = try #require(try await harness.command(.dataPull, body()).started.first)
        let failure: JSON = ["failure": ["reason": "checksum-mismatch", "detail": "cube.fits"]]
        let effects = try await harness.report(work, .completed(failure))
        #expect(effects.first(.taskDone)?.json["reason"] == "checksum-mismatch")
        #expect(effects.events == ["task.ral.cavern-failed.\(task)"])
        #expect(effects.activities == ["clean"])
    }

    @Test func `a clean-up that fails is tried again until it is done`() async throws {
        let harness = try makeHarness()
        let work = try #require(try await harness.command(.dataPull, body()).started.first)
        let clean = try #require(try await harness.report(work, .failed("disk")).started.first)
        _ = try await harness.report(clean, .failed("busy"))
        #expect(try await harness.advance(by: .seconds(9)).activities.isEmpty)
        let again = try await harness.advance(by: .seconds(2))
        #expect(again.activities == ["clean"])
        let last = try #require(again.started.first)
        _ = try await harness.report(last, .completed([:]))
        #expect(try await harness.advance(by: .seconds(60)).activities.isEmpty)
    }

    @Test func `a cancel ends the work and queues the clean-up behind it`() async throws {
        let harness = try makeHarness()
        let work = try #require(try await harness.command(.dataPull, body()).started.first)
        let effects = try await harness.command(.taskCancel)
        #expect(effects.first(.task)?.json["reason"] == "cancelled")
        #expect(effects.cancelled == [work.id])
        #expect(effects.activities == ["clean"])
        #expect(effects.started.first?.lane == work.lane)
        #expect(try await harness.report(work, .cancelled).activities.isEmpty)
    }

    @Test func `the deadline ends a task that is not done`() async throws {
        let harness = try makeHarness()
        let work = try #require(try await harness.command(.dataPull, body(deadline: .seconds(5))).started.first)
        let effects = try await harness.advance(by: .seconds(6))
        #expect(effects.first(.taskDone)?.json["reason"] == "deadline-exceeded")
        #expect(effects.cancelled == [work.id])
        #expect(effects.activities == ["clean"])
    }

    @Test func `a release is answered when nothing is left`() async throws {
        let harness = try makeHarness()
        let work = try #require(try await harness.command(.dataPull, body()).started.first)
        let watch = try #require(try await harness.report(work, .completed(["result": [:]])).started.first)
        let effects = try await harness.command(.taskRelease, ["task": .string(task), "keep": true])
        #expect(effects.messages.isEmpty)
        #expect(effects.cancelled == [watch.id])
        let release = try #require(effects.started.first)
        #expect(release.name == "release")
        #expect(release.input["keep"] == true)
        let end = try await harness.report(release, .completed([:]))
        #expect(end.first(.task)?.json["released"] == true)
        #expect(end.first(.task)?.correlationID == "c1")
    }

    @Test func `a release of running work waits for its end, and a failed one is tried again`() async throws {
        let harness = try makeHarness()
        let work = try #require(try await harness.command(.dataPull, body()).started.first)
        let effects = try await harness.command(.taskRelease)
        #expect(effects.cancelled.contains(work.id))
        #expect(effects.activities.isEmpty)
        let release = try #require(try await harness.report(work, .cancelled).started.first)
        #expect(release.name == "release")
        _ = try await harness.report(release, .failed("busy"))
        #expect(try await harness.advance(by: .seconds(11)).activities == ["release"])
    }

    @Test func `what ends by itself is told to the broker`() async throws {
        let harness = try makeHarness()
        let work = try #require(try await harness.command(.dataPull, body()).started.first)
        let watch = try #require(try await harness.report(work, .completed(["result": [:]])).started.first)
        let effects = try await harness.report(watch, .completed(TaskEnd("exited", isFailure: true).json))
        #expect(effects.first(.taskEnded)?.json["ended"] == ["reason": "exited", "failed": true])
    }

    @Test func `a start that comes after its cancel starts nothing`() async throws {
        let harness = try makeHarness()
        _ = try await harness.command(.taskCancel)
        let effects = try await harness.command(.dataPull, body())
        #expect(effects.started.isEmpty)
        #expect(effects.first(.task)?.json["reason"] == "cancelled")
    }

    @Test func `the same task again is answered, another under its name is refused`() async throws {
        let harness = try makeHarness()
        _ = try await harness.command(.dataPull, body())
        let again = try await harness.command(.dataPull, body())
        #expect(again.started.isEmpty)
        #expect(again.first(.task)?.json["status"] == "running")
        let other = try await harness.command(.dataPull, body(deadline: .seconds(30)))
        #expect(other.problem?.kind == .idempotencyConflict)
    }

    @Test func `a task that is over is forgotten after a day`() async throws {
        let harness = try makeHarness()
        let work = try #require(try await harness.command(.dataPull, body()).started.first)
        _ = try await harness.report(work, .completed(["result": [:]]))
        let release = try #require(try await harness.command(.taskRelease).started.first)
        _ = try await harness.report(release, .completed([:]))
        _ = try await harness.advance(by: .seconds(86_000))
        #expect(try await harness.command(.taskGet).first(.task) != nil)
        _ = try await harness.advance(by: .seconds(1_000))
        #expect(try await harness.command(.taskGet).problem?.kind == .notFound)
    }

    @Test func `events are numbered by the task, so that nothing of it is left when it is forgotten`() async throws {
        let harness = try makeHarness()
        let begun = try await harness.command(.dataPull, body())
        #expect(begun.first(.taskEvent)?.sequence == 1)
        let work = try #require(begun.started.first)
        let done = try await harness.report(work, .completed(["result": [:]]))
        #expect(done.first(.taskEvent)?.sequence == 2)
        let counted = try await harness.store.transact { try $0.nextNumber(of: "events/\(task)") }
        #expect(counted == 1, "the bus has counted none")
    }

    @Test func `what tasks have left is looked through after its time, once for all of one hour`() async throws {
        let harness = try makeHarness(retention: .seconds(7 * 86_400))
        for number in 1...3 {
            let id = String(task.dropLast()) + "\(number)"
            let work = try #require(try await harness.command(.dataPull, body(of: id)).started.first)
            _ = try await harness.report(work, .completed(["result": [:]]))
            let release = try #require(try await harness.command(.taskRelease, ["task": .string(id)]).started.first)
            _ = try await harness.report(release, .completed([:]))
        }
        #expect(try await harness.advance(by: .seconds(7 * 86_400)).activities.isEmpty)
        let tidy = try await harness.advance(by: .seconds(3_600))
        #expect(tidy.activities == ["tidy"])
        _ = try await harness.report(try #require(tidy.started.first), .completed([:]))
        #expect(try await harness.advance(by: .seconds(30 * 86_400)).activities.isEmpty)
    }
}

@Suite struct TaskAccessTests {
    @Test(arguments: [MessageType.dataPull, .taskCancel, .taskRelease])
    func `only the broker of the site commands`(_ type: MessageType) async throws {
        for sender in ["ada", "execution-broker.nao", "global-execution"] {
            let effects = try await makeHarness().send(type.rawValue, body(), from: sender)
            #expect(effects.problem?.kind == .notAuthorised)
            #expect(effects.started.isEmpty)
        }
    }

    @Test func `a task is read by the broker with its result, by its owner without, by nobody else`() async throws {
        let harness = try makeHarness()
        let work = try #require(try await harness.command(.dataPull, body()).started.first)
        _ = try await harness.report(work, .completed(["result": ["token": "secret"]]))
        let get = MessageType.taskGet.rawValue
        let reference: JSON = ["task": .string(task)]
        #expect(try await harness.command(.taskGet).first(.task)?.json["result"]?["token"] == "secret")
        let shown = try await harness.send(get, reference, from: "ada").first(.task)
        #expect(shown?.json["status"] == "completed")
        #expect(shown?.json["result"] == nil)
        #expect(try await harness.send(get, reference, from: "bob").problem?.kind == .notAuthorised)
    }

    @Test(arguments: [
        ("{}", ["/task", "/session", "/owner"]),
        (#"{"task": "x", "session": 1, "owner": {}}"#, ["/task", "/session", "/owner/iss", "/owner/sub"]),
        (
            #"{"task":"\#(task)","session":"\#(session)","owner":{"iss":"i","sub":"s"},"deadline":"now","paths":["../x"]}"#,
            ["/deadline", "/paths"]
        ),
    ])
    func `every wrong field is named`(_ text: String, _ pointers: [String]) async throws {
        let effects = try await makeHarness().command(.dataPull, try JSON(parsing: text))
        #expect(effects.problem?.kind == .invalid)
        #expect(effects.problem?.errors.map(\.pointer).sorted() == pointers.sorted())
        #expect(effects.started.isEmpty)
    }

    @Test(arguments: [MessageType.taskGet, .taskCancel, .taskRelease])
    func `a task's name must be a UUID`(_ type: MessageType) async throws {
        let effects = try await makeHarness().command(type, ["task": "seven"])
        #expect(effects.problem?.errors.map(\.pointer) == ["/task"])
    }
}

@Suite struct TaskQueryTests {
    private let question: JSON = ["data": [["scope": "demo", "name": "cube"]]]

    @Test func `a question is answered by the report of an activity`() async throws {
        let harness = try makeHarness()
        let asked = try await harness.send(
            MessageType.dataLocate.rawValue, question, from: "anybody", replyTo: "client.anybody.1", correlationID: "q")
        #expect(asked.messages.isEmpty)
        let activity = try #require(asked.started.first)
        let effects = try await harness.report(activity, .completed(["answer": ["replicas": []]]))
        let answer = try #require(effects.first(.replicas))
        #expect(answer.key == "client.anybody.1")
        #expect(answer.correlationID == "q")
    }

    @Test func `a problem that the activity finds is the answer`() async throws {
        let harness = try makeHarness()
        let activity = try #require(
            try await harness.send(MessageType.dataLocate.rawValue, question, from: "anybody").started.first)
        let problem = Problem(.notFound, "no such image")
        let effects = try await harness.report(activity, .completed(["problem": problem.json]))
        #expect(effects.problem?.kind == .notFound)
    }

    @Test func `a wrong question starts nothing`() async throws {
        let effects = try await makeHarness().send(
            MessageType.dataLocate.rawValue, ["data": [["scope": "../x"]]], from: "anybody")
        #expect(effects.problem?.kind == .invalid)
        #expect(effects.started.isEmpty)
    }

    @Test func `an answer that comes too late says so`() async throws {
        let harness = try makeHarness()
        let activity = try #require(
            try await harness.send(MessageType.dataLocate.rawValue, question, from: "anybody").started.first)
        harness.now = harness.now + .seconds(31)
        let effects = try await harness.report(activity, .completed(["answer": [:]]))
        #expect(effects.problem?.kind == .deadlineExceeded)
    }
}
