import Glibc
import LocalNetwork
import Processes
import TestSupport
import Testing

@Suite struct SupervisorTests {
    private func plan(_ address: String, _ script: String) -> Supervisor.WorkerPlan {
        Supervisor.WorkerPlan(address: address, process: ProcessSettings("sh", ["-c", script]))
    }

    /// Reads what happens until `isEnough` says so; the whole of it.
    private func follow(
        _ supervisor: Supervisor, until isEnough: ([Supervisor.Change]) -> Bool
    ) async -> [Supervisor.Change] {
        var seen: [Supervisor.Change] = []
        for await change in supervisor.events {
            seen.append(change)
            if isEnough(seen) { break }
        }
        return seen
    }

    private func processes(_ changes: [Supervisor.Change]) -> [Int32] {
        changes.compactMap { if case .started(_, let pid) = $0 { pid } else { nil } }
    }

    @Test(.timeLimit(.minutes(1))) func `a worker that is killed runs again, as another process`() async {
        let supervisor = Supervisor([plan("a", "echo ready; exec sleep 1000")])
        await supervisor.start()
        var changes = await follow(supervisor) { if case .ready? = $0.last { true } else { false } }
        let first = processes(changes)
        #expect(first.count == 1)
        for pid in first { kill(pid, SIGKILL) }
        changes = await follow(supervisor) { if case .ready? = $0.last { true } else { false } }
        guard case .ended("a", .signalled(SIGKILL), _)? = changes.first else {
            Issue.record("the end is told first: \(changes)")
            return
        }
        let second = processes(changes)
        #expect(second.count == 1)
        #expect(second != first)
        #expect(await supervisor.processes.map(\.value) == second)
        await supervisor.stop()
        #expect(await supervisor.processes.isEmpty)
        for pid in first + second { #expect(ProcessIdentity(of: pid)?.isAlive != true) }
    }

    @Test(.timeLimit(.minutes(1))) func `one that dies again and again is started at growing distances`() async {
        let supervisor = Supervisor([plan("a", "exit 3")])
        await supervisor.start()
        let changes = await follow(supervisor) { processes($0).count == 3 }
        await supervisor.stop()
        let delays = changes.compactMap { change -> Duration? in
            if case .ended("a", .exited(3), let delay) = change { delay } else { nil }
        }
        #expect(delays.count == 2)
        #expect(delays == delays.sorted())
        #expect(Set(delays).count == 2)
    }

    @Test(.timeLimit(.minutes(1))) func `a program that is missing is told, and does not keep the others from running`()
        async
    {
        let missing = Supervisor.WorkerPlan(address: "gone", process: ProcessSettings("no-such-program"))
        let supervisor = Supervisor([missing, plan("a", "exec sleep 1000")])
        await supervisor.start()
        let changes = await follow(supervisor) { changes in
            !processes(changes).isEmpty && changes.contains { if case .failed = $0 { true } else { false } }
        }
        #expect(changes.count >= 2)
        #expect(await supervisor.processes.keys.sorted() == ["a"])
        await supervisor.stop()
    }

    @Test(.timeLimit(.minutes(1))) func `a stop ends all at once, those that do not listen after the grace`() async {
        let stubborn = (1...4).map { plan("stubborn-\($0)", "trap '' TERM; echo ready; while :; do sleep 1; done") }
        let obedient = (1...4).map { plan("obedient-\($0)", "echo ready; exec sleep 1000") }
        let supervisor = Supervisor(stubborn + obedient)
        await supervisor.start()
        let changes = await follow(supervisor) { changes in
            changes.count { if case .ready = $0 { true } else { false } } == 8
        }
        let begin = ContinuousClock.now
        await supervisor.stop(grace: .milliseconds(300))
        // One grace for all of them, not one for each.
        #expect(ContinuousClock.now - begin >= .milliseconds(300))
        let pids = processes(changes)
        #expect(pids.count == 8)
        for pid in pids { #expect(ProcessIdentity(of: pid)?.isAlive != true) }
        // The events end with it.
        #expect(await follow(supervisor) { _ in false }.isEmpty)
    }

    @Test(.timeLimit(.minutes(1))) func `a stop just after the start leaves nothing running`() async {
        let supervisor = Supervisor((1...20).map { plan("w\($0)", "exec sleep 1000") })
        await supervisor.start()
        await supervisor.stop()
        let changes = await follow(supervisor) { _ in false }
        for pid in processes(changes) { #expect(ProcessIdentity(of: pid)?.isAlive != true) }
        #expect(await supervisor.processes.isEmpty)
    }
}

@Suite struct NetworkDescriptionTests {
    private let description = NetworkDescription(
        amqp: "amqp://127.0.0.1:5000/execbus", sites: ["caen", "ral"],
        workers: [.init(name: "permissions", site: nil, pid: 12), .init(name: "cavern", site: "ral", pid: 13)],
        users: [.init(name: "anna", password: "secret", groups: ["astronomers"], may: "everything")])

    @Test func `what is written is read, by nobody else`() async throws {
        try await withTemporaryFolder { folder in
            try description.write(to: folder)
            #expect(try NetworkDescription(readingFrom: folder) == description)
            var entry = stat()
            #expect(stat("\(folder)/\(NetworkDescription.fileName)", &entry) == 0)
            #expect(entry.st_mode & 0o777 == 0o600)
            let text = String(
                decoding: PrivateFile.read("\(folder)/\(NetworkDescription.fileName)") ?? [], as: UTF8.self)
            #expect(text.contains("\"amqp\": \"amqp://127.0.0.1:5000/execbus\""))
        }
    }

    @Test func `a user's URI has the credentials`() throws {
        let user = try #require(description.users.first)
        #expect(description.uri(of: user) == "amqp://anna:secret@127.0.0.1:5000/execbus")
    }

    @Test func `no network, and a file that is none, are told in one line`() async throws {
        try await withTemporaryFolder { folder in
            let error = #expect(throws: LocalNetworkError.self) { try NetworkDescription(readingFrom: folder) }
            #expect(error?.message.contains("execbus up") == true)
            try PrivateFile.write(Array("[]".utf8), to: "\(folder)/\(NetworkDescription.fileName)")
            #expect(throws: LocalNetworkError.self) { try NetworkDescription(readingFrom: folder) }
        }
    }
}
