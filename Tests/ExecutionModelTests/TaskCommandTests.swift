import ExecutionModel
import Testing
import Wire

/// What the broker writes is what the preparing participants read.
@Suite struct TaskCommandTests {
    private let head = TaskHead(
        task: identifier(1), session: identifier(2), owner: Owner(iss: "i", sub: "ada", groups: ["astro"]),
        deadline: instant(60))

    @Test func `each command is read as it was written`() throws {
        let prepare = PrepareDataCommand(
            head: head,
            data: [
                .init(did: DataIdentifier(scope: "demo", name: "cube")),
                .init(did: DataIdentifier(scope: "demo", name: "set", type: .dataset), path: "inputs/set"),
            ])
        #expect(try PrepareDataCommand(prepare.json) == prepare)
        let pull = PullDataCommand(head: head, paths: ["notes", "a/b"])
        #expect(try PullDataCommand(pull.json) == pull)
        let image = ImageReference(locations: ["srcnet/nb:1"], digest: "sha256:" + String(repeating: "0", count: 64))
        let pullImage = PullImageCommand(head: head, image: image)
        #expect(try PullImageCommand(pullImage.json) == pullImage)
        let start = StartSessionCommand(
            head: head, kind: .jupyterNotebook, image: image, cores: 2, memory: 4, location: "https://x.org/a.ipynb",
            command: ["a"], entrypoint: "/bin/b", environment: ["A": "1"],
            mounts: [.init(path: "/data/cube", source: "data/cube", mode: .readWrite)])
        #expect(try StartSessionCommand(start.json) == start)
    }

    @Test func `each question and answer is read as it was written`() throws {
        let did = DataIdentifier(scope: "demo", name: "cube")
        #expect(try LocateQuery(LocateQuery(data: [did]).json).data == [did])
        let replicas = Replicas(
            replicas: [
                .init(
                    did: did, bytes: 10, files: 1, adler32: "00000001", rses: ["RAL"], local: false,
                    bytesPerSecond: 1_000, seconds: 0.01)
            ], unknown: [DataIdentifier(scope: "demo", name: "other")])
        #expect(try Replicas(replicas.json) == replicas)
        let document = ImageDocument(
            name: "srcnet/nb:1", digest: "sha256:1", size: 5, present: false, entrypoint: ["/x"], kind: "terminal",
            bytesPerSecond: 9, seconds: 1.5)
        #expect(try ImageDocument(document.json) == document)
        let session = StartedSession(url: "http://x", token: "t", kind: .terminal, unlimited: ["memory: none"])
        #expect(StartedSession(session.json) == session)
        let logs = SessionLogQuery(task: identifier(1), session: identifier(2), limit: 10)
        #expect(try SessionLogQuery(logs.json) == logs)
    }

    @Test func `an image is asked for by name or as a workstep has it`() throws {
        #expect(try ResolveQuery(["image": "srcnet/nb:1"]).image.locations == ["srcnet/nb:1"])
        #expect(try ResolveQuery(["image": ["locations": ["a:1", "b:1"]]]).image.locations == ["a:1", "b:1"])
        let problem = try #require(throws: Problem.self) { _ = try ResolveQuery(["image": 7]) }
        #expect(problem.errors.map(\.pointer) == ["/image"])
    }

    @Test(arguments: [
        (#"[{"scope":"d","name":"a"},{"scope":"e","name":"a"}]"#, "/data/1/as"),
        (#"[{"scope":"d","name":"a"},{"scope":"d","name":"b","as":"a/b"}]"#, "/data/1/as"),
        (#"[{"scope":"d","name":"a","as":"x/y"},{"scope":"d","name":"b","as":"x"}]"#, "/data/1/as"),
        (#"[{"scope":"d","name":"a","as":"../x"}]"#, "/data/0/as"),
        (#"[{"scope":"d","name":"a","as":"/x"}]"#, "/data/0/as"),
        (#"[{"scope":"..","name":"a"}]"#, "/data/0/scope"),
        (#"[]"#, "/data"), (#"7"#, "/data"),
    ])
    func `data that cannot lie where it is wanted is named`(_ data: String, _ pointer: String) throws {
        var body = PrepareDataCommand(head: head, data: []).json
        body["data"] = try JSON(parsing: data)
        let problem = try #require(throws: Problem.self) { _ = try PrepareDataCommand(body) }
        #expect(problem.errors.map(\.pointer).contains(pointer))
    }

    @Test(arguments: [
        ("kind", #""x""#, "/kind"), ("image", #"{"locations":["a"]}"#, "/image/digest"), ("cores", "0", "/cores"),
        ("memory", #""1""#, "/memory"), ("environment", #"{"A=B":"1"}"#, "/environment/A=B"),
        ("volumes", #"[{"path":"x","source":"data"}]"#, "/volumes/0/path"),
        ("volumes", #"[{"path":"/x","source":"../data"}]"#, "/volumes/0/source"),
        ("volumes", #"[{"path":"/x","source":"data","mode":"w"}]"#, "/volumes/0/mode"),
    ])
    func `every wrong field of a session's start is named`(_ key: String, _ value: String, _ pointer: String) throws {
        let image = ImageReference(locations: ["a:1"], digest: "sha256:" + String(repeating: "0", count: 64))
        var body = StartSessionCommand(head: head, kind: .terminal, image: image, cores: 1, memory: 1).json
        body[key] = try JSON(parsing: value)
        let problem = try #require(throws: Problem.self) { _ = try StartSessionCommand(body) }
        #expect(problem.errors.map(\.pointer) == [pointer])
    }
}
