import Glibc
import Synchronization
import Testing

@testable import Processes

@Suite struct ChildProcessTests {
    @Test func `what a program says of its failure is told, the first and the last of it`() async throws {
        func description(_ script: String) async throws -> String {
            try await run(ProcessSettings("sh", ["-c", script]), deadline: .seconds(20)).description
        }
        #expect(try await description("exit 3") == "sh: exit code 3")
        #expect(try await description("echo one; exit 3") == "sh: exit code 3: one")
        #expect(try await description("seq 9 >&2; exit 64") == "sh: exit code 64: 1 / 2 / 3 / … / 7 / 8 / 9")
    }

    @Test func `a program's output, errors and exit code come back`() async throws {
        let result = try await run(
            ProcessSettings("sh", ["-c", "printf out; printf err >&2; exit 3"]), deadline: .seconds(20))
        #expect(result.outputText == "out")
        #expect(result.errorText == "err")
        #expect(result.status == .exited(3))
        #expect(throws: ProcessError.self) { try result.checked() }
    }

    @Test func `environment and working directory are those that were given`() async throws {
        let result = try await run(
            ProcessSettings("/bin/sh", ["-c", "pwd; echo $A"], environment: ["A": "b c"], workingDirectory: "/usr"),
            deadline: .seconds(20))
        #expect(result.outputText == "/usr\nb c\n")
    }

    @Test func `a child has no descriptors of its parent but the standard ones`() async throws {
        let open = open("/dev/null", O_RDONLY)  // without O_CLOEXEC, as a careless library would
        defer { close(open) }
        let result = try await run(ProcessSettings("ls", ["/proc/self/fd"]), deadline: .seconds(20))
        // The fourth is the folder that ls reads.
        #expect(result.outputText.split(separator: "\n").count == 4)
    }

    @Test func `output past the limit is read and thrown away`() async throws {
        let result = try await run(
            ProcessSettings("sh", ["-c", "head -c 3000000 /dev/zero"]), deadline: .seconds(20), limit: 1_000)
        #expect(result.output.count == 1_000)
        #expect(result.isCut)
        #expect(result.status.isSuccess)
    }

    @Test func `a program that does not end in time is killed with its children`() async throws {
        let error = await #expect(throws: ProcessError.self) {
            try await run(
                ProcessSettings("sh", ["-c", "echo started; sleep 1000 & wait"]), deadline: .milliseconds(300))
        }
        #expect(error?.code == .deadlineExceeded)
        #expect(error?.message.contains("started") == true)
    }

    @Test func `a grandchild that holds the pipe open is not waited for, and does not stay`() async throws {
        let result = try await run(
            ProcessSettings("sh", ["-c", "sleep 1000 & echo $!"]), deadline: .seconds(20))
        let pid = try #require(Int32(result.outputText.dropLast()))
        #expect(result.status.isSuccess)
        let sleeper = ProcessIdentity(of: pid)
        while let sleeper, sleeper.isAlive { await Task.yield() }
    }

    @Test func `a program that does not exist is an error that names it`() async throws {
        let error = await #expect(throws: ProcessError.self) {
            try await ChildProcess.spawn(ProcessSettings("no-such-program"))
        }
        #expect(error?.code == .notFound)
        #expect(error?.message == "there is no program no-such-program")
    }

    @Test func `a folder that does not exist is an error that names it`() async throws {
        let error = await #expect(throws: ProcessError.self) {
            try await ChildProcess.spawn(ProcessSettings("true", workingDirectory: "/no/such/folder"))
        }
        #expect(error?.message.contains("/no/such/folder") == true)
    }

    @Test func `a zero byte in an argument is refused`() async throws {
        let error = await #expect(throws: ProcessError.self) {
            try await ChildProcess.spawn(ProcessSettings("true", ["a\0b"]))
        }
        #expect(error?.code == .invalid)
    }

    @Test func `cancelling the task kills the program`() async throws {
        let started = AsyncStream<Void>.makeStream()
        let task = Task {
            started.continuation.yield()
            return try await run(ProcessSettings("sleep", ["1000"]), deadline: .seconds(1_000))
        }
        for await _ in started.stream { break }
        task.cancel()
        let error = await #expect(throws: ProcessError.self) { try await task.value }
        #expect(error?.code == .cancelled)
    }

    @Test func `a program that ignores SIGTERM is killed after the grace`() async throws {
        let ready = AsyncStream<Void>.makeStream()
        var settings = ProcessSettings("sh", ["-c", "trap '' TERM; echo ready; while :; do sleep 1; done"])
        settings.output = .handler { _ in ready.continuation.yield() }
        let child = try await ChildProcess.spawn(settings)
        for await _ in ready.stream { break }
        #expect(child.identity.isAlive)
        #expect(await child.terminate(grace: .milliseconds(100)) == .signalled(SIGKILL))
        #expect(!child.identity.isAlive)
        #expect(await child.terminate(grace: .zero) == .signalled(SIGKILL))
    }

    @Test func `many wait for the same end, also afterwards`() async throws {
        let child = try await ChildProcess.spawn(ProcessSettings("sleep", ["1000"]))
        #expect(await child.wait(upTo: .zero) == nil)
        await withTaskGroup(of: ExitStatus.self) { group in
            for _ in 0..<20 { group.addTask { await child.wait() } }
            child.signal(SIGTERM)
            for await status in group { #expect(status == .signalled(SIGTERM)) }
        }
        #expect(child.status == .signalled(SIGTERM))
        #expect(await child.wait(upTo: .zero) == .signalled(SIGTERM))
    }

    @Test func `a hundred programs at once come back with their own output`() async throws {
        try await withThrowingTaskGroup(of: (Int, String).self) { group in
            for number in 0..<100 {
                group.addTask {
                    (number, try await run(ProcessSettings("echo", ["\(number)"]), deadline: .seconds(60)).outputText)
                }
            }
            for try await (number, text) in group { #expect(text == "\(number)\n") }
        }
    }

    @Test func `an open input ends only with the parent`() async throws {
        var settings = ProcessSettings("cat")
        settings.input = .open
        let child = try await ChildProcess.spawn(settings)
        #expect(await child.wait(upTo: .milliseconds(100)) == nil)
        await child.kill()
    }

    @Test func `a process is told from a later one with its number`() async throws {
        let child = try await ChildProcess.spawn(ProcessSettings("sleep", ["1000"]))
        #expect(ProcessIdentity(of: child.pid) == child.identity)
        #expect(!ProcessIdentity(pid: child.pid, startTime: child.identity.startTime + 1).isAlive)
        await child.kill()
        #expect(ProcessIdentity(of: child.pid) == nil)
    }

    @Test func `what is killed with its parent ends when the parent is killed`() async throws {
        let result = await #expect(
            processExitsWith: .signal(SIGKILL), observing: [\.standardOutputContent]
        ) {
            var settings = ProcessSettings("sleep", ["1000"])
            settings.isKilledWithParent = true
            let child = try await ChildProcess.spawn(settings)
            // Until setpriv has become the program.
            while try await !run(ProcessSettings("cat", ["/proc/\(child.pid)/comm"]), deadline: .seconds(20))
                .outputText.hasPrefix("sleep")
            {}
            print("child=\(child.pid)=\(child.identity.startTime)=")
            fflush(nil)
            kill(getpid(), SIGKILL)
        }
        let fields = String(decoding: result?.standardOutputContent ?? [], as: UTF8.self).split(separator: "=")
        let at = try #require(fields.firstIndex(of: "child"))
        let pid = try #require(Int32(fields[at + 1]))
        let startTime = try #require(UInt64(fields[at + 2]))
        let clock = ContinuousClock()
        let end = clock.now + .seconds(10)
        while ProcessIdentity(pid: pid, startTime: startTime).isAlive, clock.now < end { await Task.yield() }
        #expect(!ProcessIdentity(pid: pid, startTime: startTime).isAlive)
    }
}

@Suite struct FreePortTests {
    @Test func `free ports differ from each other`() throws {
        let ports = try FreePort.find(20)
        #expect(Set(ports).count == 20)
    }
}

@Suite struct SignalTests {
    @Test func `a signal comes out of the stream`() async throws {
        let stream = try await Signals.stream([SIGUSR1, SIGUSR2])
        kill(getpid(), SIGUSR1)
        kill(getpid(), SIGUSR2)
        var seen: Set<Int32> = []
        for await signal in stream {
            seen.insert(signal)
            if seen.count == 2 { break }
        }
        #expect(seen == [SIGUSR1, SIGUSR2])
    }
}

@Suite struct ManyChildrenTests {
    @Test func `many short programs side by side all come to their end`() async throws {
        // Each closes its output before it ends, so that others are given the numbers of its pipes.
        let settings = ProcessSettings("sh", ["-c", "exec >&- 2>&-; sleep 0.01"])
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<200 { group.addTask { try await run(settings, deadline: .seconds(30)).status.isSuccess } }
            for try await isSuccess in group { #expect(isSuccess) }
        }
    }
}
