import Files
import Glibc
import Processes
import Testing
import Wire

@testable import OCI

/// Real containers from a small image of this machine's own shell.
@Suite(.serialized) final class ContainerTests: Sendable {
    enum Kind: String, CaseIterable, Sendable {
        case runc
        case bwrap

        /// runc needs root's rights; whether the machine lets it run, the tests themselves show.
        static let available = allCases.filter {
            Executable.find($0.rawValue) != nil && ($0 == .bwrap || geteuid() == 0)
        }

        func runtime(_ scratch: Scratch) throws -> any ContainerRuntime {
            switch self {
            case .runc: try RuncRuntime(folder: scratch / "state")
            case .bwrap: try BubblewrapRuntime(folder: scratch / "state")
            }
        }
    }

    let scratch: Scratch
    let root: String

    init() async throws {
        scratch = try await Scratch()
        let image = try TestImage(in: scratch, [try await Self.layer.value], compression: .gzip)
        root = try ImageStore(at: scratch / "store").pull(image.image, from: image.registry)
    }

    /// A shell and a few programs with the libraries they need, as a layer.
    private static let layer = Task {
        let programs = try ["sh", "sleep", "cat", "readlink", "ls"].map { name in
            (name, try #require(Executable.find(name)))
        }
        let result = try await run(ProcessSettings("ldd", programs.map(\.1)), deadline: .seconds(30)).checked()
        let libraries = Set(
            result.outputText.split(whereSeparator: \.isWhitespace).filter { $0.hasPrefix("/") && !$0.hasSuffix(":") })
        var tar = Tar()
        for (name, path) in programs + libraries.map({ (String($0), String($0)) }) {
            let target = name.hasPrefix("/") ? String(name.dropFirst()) : "bin/\(name)"
            tar.add(target, .file, content: try FileSystem.contents(path, limit: 64 << 20), mode: 0o755)
        }
        tar.file("etc/greeting", "hello")
        tar.folder("var/tmp")
        return tar.finished
    }

    private func spec(_ script: String, id: String = "c1") -> ContainerSpec {
        var spec = ContainerSpec(
            id: id, root: root, arguments: ["/bin/sh", "-c", script], environment: ["PATH": "/bin"])
        spec.limits = ContainerLimits(memory: 64 << 20, cores: 0.5)
        return spec
    }

    /// Runs a container to its end and gives what it said and its exit code.
    private func output(_ kind: Kind, _ spec: ContainerSpec) async throws -> (text: String, code: Int32?) {
        let runtime = try kind.runtime(scratch)
        _ = try await runtime.start(spec)
        let code = try await ended(runtime, spec.id)
        let text = try await runtime.log(of: spec.id, last: 100_000)
        try await runtime.remove(spec.id)
        #expect(try await runtime.list().isEmpty)
        return (text, code)
    }

    private func ended(_ runtime: any ContainerRuntime, _ id: String) async throws -> Int32? {
        let deadline = ContinuousClock.now + .seconds(30)
        while ContinuousClock.now < deadline {
            if case .ended(let code) = try await runtime.state(of: id), code != nil { return code }
            try await Task.sleep(for: .milliseconds(5))
        }
        Issue.record("the container did not end")
        return nil
    }

    private func until(_ condition: () async throws -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while try await !condition() {
            try #require(ContinuousClock.now < deadline, "it did not come to that")
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    /// The processes of the machine that have this on their command line.
    func processes(with mark: String) -> [Int32] {
        FileSystem.names(in: "/proc").compactMap { Int32($0) }.filter { pid in
            let line = (try? FileSystem.contents("/proc/\(pid)/cmdline", limit: 1 << 20)) ?? []
            return line.split(separator: 0).contains { $0.elementsEqual(mark.utf8) }
        }
    }

    @Test(arguments: Kind.available)
    func `a container sees its image, its environment, and its own processes only`(kind: Kind) async throws {
        var spec = spec("cat /etc/greeting; echo; echo $NAME; pwd; echo $$; ls /; exit 3")
        spec.environment["NAME"] = "a b"
        spec.workingDirectory = "/var"
        let (text, code) = try await output(kind, spec)
        let lines = text.split(separator: "\n").map(String.init)
        #expect(lines.prefix(4) == ["hello", "a b", "/var", "1"])
        #expect(!lines.contains("work"))
        #expect(lines.contains("etc"))
        #expect(code == 3)
    }

    @Test(arguments: Kind.available)
    func `it has no rights beyond its own, and the machine's network`(kind: Kind) async throws {
        let (text, _) = try await output(
            kind, spec("cat /proc/self/status; readlink /proc/self/ns/net; readlink /proc/self/ns/pid"))
        // What bubblewrap leaves in the bounding set cannot be had without new privileges.
        for right in ["CapInh", "CapPrm", "CapEff", "CapAmb"] + (kind == .runc ? ["CapBnd"] : []) {
            #expect(text.contains("\(right):\t0000000000000000"))
        }
        #expect(text.contains("NoNewPrivs:\t1"))
        if kind == .runc { #expect(text.contains("Seccomp:\t2")) }
        #expect(text.contains(try #require(FileSystem.linkTarget("/proc/self/ns/net"))))
        #expect(!text.contains(try #require(FileSystem.linkTarget("/proc/self/ns/pid"))))
    }

    @Test(arguments: Kind.available)
    func `what it writes stays its own, and the image's folder is as it was`(kind: Kind) async throws {
        let before = tree(root)
        let script = "echo x > /tmp/x && echo tmp; echo y > /etc/greeting; cat /etc/greeting; echo z > /new; echo done"
        let (text, _) = try await output(kind, spec(script))
        #expect(text.contains("tmp"))
        #expect(text.contains("done"))
        // Only a root on an overlay can be written to.
        #expect(text.contains("y\n") == (kind == .runc))
        #expect(tree(root) == before)
        #expect(OCITests.text(root + "/etc/greeting") == "hello")
    }

    @Test(arguments: Kind.available)
    func `folders of the machine are seen, writable or not`(kind: Kind) async throws {
        try FileSystem.makeFolder(scratch / "area/data")
        try FileSystem.replace(scratch / "area/data/cube", with: Array("bytes".utf8))
        var spec = spec(
            "cat /session/data/cube; echo x > /session/result && echo yes; echo x > /session/data/cube || echo no")
        spec.mounts = [
            BindMount(scratch / "area", at: "/session", isWritable: true),
            BindMount(scratch / "area/data", at: "/session/data", isWritable: false),
        ]
        let (text, _) = try await output(kind, spec)
        #expect(text.contains("bytes") && text.contains("yes\n"))
        #expect(text.contains("no\n"))
        #expect(OCITests.text(scratch / "area/result") == "x\n")
        #expect(OCITests.text(scratch / "area/data/cube") == "bytes")
    }

    @Test(arguments: Kind.available)
    func `limits hold, or it is said which do not`(kind: Kind) async throws {
        let runtime = try kind.runtime(scratch)
        let container = try await runtime.start(spec("exec sleep 600"))
        let group = ControlGroup(of: container.process.pid)
        let limits = ContainerLimits(memory: 64 << 20, cores: 0.5)
        if kind == .bwrap {
            #expect(Set(container.unenforced.map(\.limit)) == ["memory", "cores", "processes"])
        } else {
            #expect(container.unenforced == group.unenforced(limits))
        }
        #expect(try await runtime.state(of: "c1") == .running(container))
        try await runtime.remove("c1")
    }

    @Test(.enabled(if: Kind.available.contains(.runc)))
    func `a program that takes more memory than it may is killed`() async throws {
        let runtime = try Kind.runc.runtime(scratch)
        // The shell's variable doubles until the limit, or, where there is none, until a size that does no harm.
        let container = try await runtime.start(
            spec("x=0123456789abcdef; i=0; while [ $i -lt 24 ]; do x=$x$x; i=$((i+1)); done; exit 5"))
        let isLimited = !container.unenforced.contains { $0.limit == "memory" }
        #expect(try await ended(runtime, "c1") == (isLimited ? 137 : 5))
        try await runtime.remove("c1")
    }

    @Test(arguments: Kind.available)
    func `a program that listens to SIGTERM ends as it likes`(kind: Kind) async throws {
        let runtime = try kind.runtime(scratch)
        let script = "trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.02; done"
        _ = try await runtime.start(spec(script))
        try await until { try await runtime.log(of: "c1", last: 100).contains("ready") }
        try await runtime.stop("c1", grace: .seconds(20))
        #expect(try await runtime.state(of: "c1") == .ended(exitCode: 7))
        #expect(try await runtime.log(of: "c1", last: 100).contains("bye"))
        try await runtime.remove("c1")
        #expect(try await runtime.state(of: "c1") == .absent)
    }

    @Test(arguments: Kind.available)
    func `one that does not listen is killed with all its processes`(kind: Kind) async throws {
        let runtime = try kind.runtime(scratch)
        let mark = "86\(UInt32.random(in: 100...999_999))"
        let script = "trap '' TERM; sleep \(mark) & (sleep \(mark) &) ; sleep \(mark)"
        _ = try await runtime.start(spec(script))
        try await until { processes(with: mark).count == 3 }
        try await runtime.stop("c1", grace: .milliseconds(50))
        #expect(processes(with: mark).isEmpty)
        #expect(try await runtime.state(of: "c1") == .ended(exitCode: 137))
        try await runtime.stop("c1", grace: .zero)
        try await runtime.remove("c1")
        try await runtime.remove("c1")
        try await runtime.stop("c1", grace: .zero)
    }

    @Test(arguments: Kind.available)
    func `after a restart the containers are found again`(kind: Kind) async throws {
        let container = try await kind.runtime(scratch).start(spec("exec sleep 600"))
        let second = try kind.runtime(scratch)
        #expect(try await second.list() == ["c1"])
        #expect(try await second.state(of: "c1") == .running(container))
        // As if the first had died before it could take its note.
        unlink(scratch / "state/containers/c1/container.json")
        guard case .running(let adopted) = try await second.state(of: "c1") else {
            Issue.record("it was not found")
            return try await second.remove("c1")
        }
        #expect(adopted.process == container.process)
        #expect(adopted.unenforced.map(\.limit) == ["all"])
        try await second.remove("c1")
        #expect(!container.process.isAlive)
    }

    @Test(arguments: Kind.available)
    func `what cannot start is an error that says why, and leaves nothing behind`(kind: Kind) async throws {
        let runtime = try kind.runtime(scratch)
        var spec = spec("true")
        spec.arguments = ["/bin/missing"]
        await #expect { try await runtime.start(spec) } throws: {
            ($0 as? OCIError)?.code == .runtime && "\($0)".contains("/bin/missing")
        }
        #expect(try await runtime.list().isEmpty)
        spec.arguments = ["/bin/sh"]
        spec.mounts = [BindMount(scratch / "nothing", at: "/session", isWritable: true)]
        await #expect(throws: OCIError.self) { try await runtime.start(spec) }
        #expect(try await runtime.list().isEmpty)
    }

    @Test(arguments: Kind.available)
    func `a name can be used once at a time`(kind: Kind) async throws {
        let runtime = try kind.runtime(scratch)
        let container = try await runtime.start(spec("exec sleep 600"))
        await #expect(throws: OCIError.self) { try await runtime.start(spec("true")) }
        #expect(try await runtime.state(of: "c1") == .running(container))
        try await runtime.remove("c1")
        _ = try await runtime.start(spec("exec sleep 600"))
        try await runtime.remove("c1")
    }

    @Test(arguments: Kind.available)
    func `a start that is cancelled leaves no container`(kind: Kind) async throws {
        let runtime = try kind.runtime(scratch)
        let spec = spec("exec sleep 600")
        let task = Task { try await runtime.start(spec) }
        task.cancel()
        _ = await task.result
        try await runtime.remove("c1")
        #expect(try await runtime.list().isEmpty)
        #expect(processes(with: scratch / "state/containers/c1").isEmpty)
    }

    @Test(arguments: ["", "../x", "a/b", ".x", "-x", "a b", "é", String(repeating: "x", count: 65)])
    func `what is no name of a container is refused`(id: String) async throws {
        let runtime = try BubblewrapRuntime(folder: scratch / "state", program: "/bin/sh")
        await #expect(throws: OCIError.self) { try await runtime.start(spec("true", id: id)) }
        await #expect(throws: OCIError.self) { try await runtime.remove(id) }
    }

    @Test func `a wrong wish is refused before anything starts`() throws {
        func refused(_ change: (inout ContainerSpec) -> Void) {
            var spec = spec("true")
            change(&spec)
            #expect(throws: OCIError.self) { try spec.check() }
        }
        try spec("true").check()
        refused { $0.arguments = [] }
        refused { $0.arguments.append("a\u{0}b") }
        refused { $0.environment["A=B"] = "x" }
        refused { $0.environment[""] = "x" }
        refused { $0.workingDirectory = "relative" }
        refused { $0.mounts = [BindMount("/a", at: "/b/../c", isWritable: true)] }
        refused { $0.mounts = [BindMount("a", at: "/b", isWritable: true)] }
        refused { $0.mounts = [BindMount("/a", at: "//", isWritable: true)] }
    }

    @Test(.enabled(if: !Kind.available.isEmpty, "needs runc with root's rights, or bubblewrap"))
    func `the first way that works is chosen`() async throws {
        let runtime = try await ContainerRuntimes.choose(folder: scratch / "state")
        #expect(["runc", "bubblewrap"].contains(runtime.name))
        #expect(try await runtime.list().isEmpty)
    }
}
