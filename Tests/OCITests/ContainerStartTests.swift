import Files
import Glibc
import Processes
import TestSupport
import Testing

@testable import OCI

extension ContainerTests {
    /// What becomes of a start whose process is told to stop, or is killed, in the midst of it.
    @Suite struct StartTests {
        /// A way of running containers, and a moment at which a start is held up.
        struct Case: Sendable, Codable, CustomTestStringConvertible {
            let kind: String
            let moment: String

            static let all = Kind.available.flatMap { kind in
                RuntimeGate.Moment.allCases.map { Case(kind: kind.rawValue, moment: $0.rawValue) }
            }

            var testDescription: String { "\(kind), \(moment)" }

            func gate(_ folder: String) throws -> RuntimeGate {
                try RuntimeGate(kind, at: try #require(RuntimeGate.Moment(rawValue: moment)), folder: folder + "/gate")
            }

            func runtime(_ folder: String, program: String? = nil) throws -> any ContainerRuntime {
                kind == "runc"
                    ? try RuncRuntime(folder: folder + "/state", program: program ?? kind)
                    : try BubblewrapRuntime(folder: folder + "/state", program: program ?? kind)
            }
        }

        private let tests: ContainerTests
        private var folder: String { tests.scratch.path }
        /// On the command line of each process of the container.
        private let mark = "86\(UInt32.random(in: 100...999_999))"

        init() async throws { tests = try await ContainerTests() }

        private static func spec(_ mark: String, root: String) -> ContainerSpec {
            var spec = ContainerSpec(
                id: "c1", root: root, arguments: ["/bin/sleep", mark], environment: ["PATH": "/bin"])
            spec.limits = ContainerLimits(memory: 64 << 20, cores: 0.5)
            return spec
        }

        /// Processes that are the container's program. Both runtimes tell of a process just before it has become that.
        private func sleepers() -> [Int32] {
            tests.processes(with: mark).filter { pid in
                FileSystem.linkTarget("/proc/\(pid)/exe")?.hasSuffix("sleep") == true
            }
        }

        @Test(arguments: Case.all)
        func `a start that is cancelled in the midst of it comes to its end, and is known`(_ one: Case) async throws {
            let gate = try one.gate(folder)
            let runtime = try one.runtime(folder, program: gate.program)
            let spec = StartTests.spec(mark, root: tests.root)
            let start = Task { try await runtime.start(spec) }
            #expect(await eventually { gate.isReached })
            start.cancel()
            gate.open()
            let container = try await start.value
            #expect(try await one.runtime(folder).state(of: "c1") == .running(container))
            #expect(!container.unenforced.contains { $0.limit == "all" })
            #expect(await eventually { sleepers() == [container.process.pid] })
            try await runtime.remove("c1")
            #expect(tests.processes(with: mark).isEmpty)
        }

        @Test(arguments: Kind.available)
        func `a start that is cancelled before it has begun starts nothing`(_ kind: Kind) async throws {
            let runtime = try kind.runtime(tests.scratch)
            let spec = StartTests.spec(mark, root: tests.root)
            let start = Task {
                _ = await eventually { Task.isCancelled }
                return try await runtime.start(spec)
            }
            start.cancel()
            await #expect(throws: CancellationError.self) { try await start.value }
            #expect(try await runtime.list().isEmpty)
        }

        /// Starts the container in a process that is killed when the start comes to the moment.
        private func killWorker(in one: Case) async throws {
            await #expect(processExitsWith: .signal(SIGKILL)) {
                [one = one as Case, folder = folder as String, root = tests.root as String, mark = mark as String] in
                let gate = try one.gate(folder)
                try gate.kill(getpid())
                _ = try await one.runtime(folder, program: gate.program).start(StartTests.spec(mark, root: root))
            }
        }

        @Test(arguments: Case.all)
        func `where its process is killed in the midst of it, the next waits and finds the one container`(
            _ one: Case
        ) async throws {
            try await killWorker(in: one)
            let runtime = try one.runtime(folder)
            async let state = runtime.state(of: "c1")
            RuntimeGate.open(folder + "/gate")
            guard case .running(let container) = try await state else {
                Issue.record("it was not found")
                return try await runtime.remove("c1")
            }
            #expect(await eventually { sleepers() == [container.process.pid] })
            try await runtime.remove("c1")
            #expect(tests.processes(with: mark).isEmpty)
            #expect(try await runtime.list().isEmpty)
        }

        @Test(arguments: Case.all)
        func `and what asks for its end leaves nothing`(_ one: Case) async throws {
            try await killWorker(in: one)
            let runtime = try one.runtime(folder)
            async let end: Void = runtime.remove("c1")
            RuntimeGate.open(folder + "/gate")
            try await end
            #expect(tests.processes(with: mark).isEmpty)
            #expect(tests.processes(with: folder + "/state/containers/c1").isEmpty)
            #expect(try await runtime.list().isEmpty)
        }

        @Test(arguments: Kind.available)
        func `where the runtime has failed meanwhile, what it returned is no exit code of the session`(
            _ kind: Kind
        ) async throws {
            let runtime = try kind.runtime(tests.scratch)
            let container = try ContainerFolder("c1", in: folder + "/state/containers")
            try container.make()
            let child = try await Supervisor(folder: container).startPlain(
                ["/bin/sh", "-c", "exit 1"], environment: [:])
            _ = await child.wait()
            #expect(OCITests.text(container / "exit") == "1\n")
            #expect(try await runtime.state(of: "c1") == .ended(exitCode: nil))
            try await runtime.remove("c1")
        }

        @Test func `a shell that begins after the start was called off starts nothing`() async throws {
            let container = try ContainerFolder("c1", in: folder)
            try container.make()
            let supervisor = Supervisor(folder: container)
            try await supervisor.callOff()
            try await supervisor.callOff()
            for child in [
                try await supervisor.startPlain(
                    ["touch", folder + "/started"], environment: ["PATH": "/usr/bin:/bin"]),
                try await supervisor.startWithOverlay(["touch", folder + "/started"]),
            ] {
                #expect(await child.wait() != .exited(0))
            }
            #expect(!FileSystem.exists(folder + "/started"))
        }

        @Test func `a start that has begun is not called off`() async throws {
            let container = try ContainerFolder("c1", in: folder)
            try container.make()
            let supervisor = Supervisor(folder: container)
            let child = try await supervisor.startPlain(["sleep", mark], environment: ["PATH": "/usr/bin:/bin"])
            // The shell's own command line has the mark before the shell has done anything.
            #expect(await eventually { OCITests.text(container / "supervisor") == "\(child.pid)\n" })
            try await supervisor.callOff()
            #expect(OCITests.text(container / "supervisor") == "\(child.pid)\n")
            supervisor.kill()
            _ = await child.wait()
        }
    }
}
