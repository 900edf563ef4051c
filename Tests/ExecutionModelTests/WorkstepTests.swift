import ExecutionModel
import Testing
import Wire

/// The example of contract.md, Submitting, its `workstep` alone.
let notebookParts: JSON = [
    "executable": [
        "kind": .string(ExecutableKind.jupyterNotebook.uri), "meta": ["name": "nb"],
        "image": ["locations": ["srcnet/notebook:1"]], "location": "https://example.org/cube.ipynb",
    ],
    "compute": [
        "kind": .string(ComputeKind.simple.uri), "meta": ["name": "vm"], "cores": ["min": 1, "max": 2],
        "memory": ["min": 1, "max": 2],
        "volumes": [
            [
                "kind": .string(VolumeKind.simple.uri), "path": "/data/cube", "mode": "READONLY",
                "resource": "cube",
            ]
        ],
    ],
    "data": [
        [
            "kind": .string(DataKind.rucio.uri), "meta": ["name": "cube"],
            "rucio": ["scope": "demo", "object": "hcn-cube", "type": "FILE"],
        ]
    ],
    "schedule": ["requested": ["duration": "PT1H"]],
    "science": ["proposal": "2026-A-17"],
]

extension JSON {
    /// The same with the value at a path of members and numbers replaced, or taken away.
    func with(_ path: String, _ value: JSON?) -> JSON {
        let parts = path.split(separator: "/", maxSplits: 1).map(String.init)
        guard let first = parts.first else { return value ?? .null }
        let rest = parts.count > 1 ? parts[1] : nil
        switch self {
        case .array(var elements):
            guard let index = Int(first), elements.indices.contains(index) else { return self }
            elements[index] = rest.map { elements[index].with($0, value) } ?? value ?? .null
            return .array(elements)
        case .object(var members):
            members[first] = rest.map { (members[first] ?? [:]).with($0, value) } ?? value
            return .object(members)
        default: return self
        }
    }
}

struct WorkstepTests {
    @Test func `the contract's example is read`() throws {
        let workstep = try Workstep.parse(notebookParts)
        #expect(workstep.executable.kind == .jupyterNotebook)
        #expect(workstep.executable.image?.locations == ["srcnet/notebook:1"])
        #expect(workstep.executable.location == "https://example.org/cube.ipynb")
        #expect(workstep.compute.cores == Amount(min: 1, max: 2))
        #expect(workstep.compute.memory == Amount(min: 1, max: 2))
        #expect(workstep.compute.volumes == [Volume(path: "/data/cube", mode: .readOnly, resource: "cube")])
        #expect(workstep.data.map(\.source) == [.rucio(DataIdentifier(scope: "demo", name: "hcn-cube"))])
        #expect(workstep.requested == RequestedSchedule(duration: .seconds(3_600)))
    }

    @Test func `what is not said has its default`() throws {
        let workstep = try Workstep.parse([
            "executable": ["kind": .string(ExecutableKind.jupyterNotebook.uri)]
        ])
        #expect(workstep.compute.cores == .one)
        #expect(workstep.compute.memory == .one)
        #expect(workstep.requested.duration == .seconds(7_200))
        #expect(workstep.executable.image == nil)
        #expect(workstep.data.isEmpty)
    }

    @Test(arguments: [
        "https://www.purl.org/ivoa.net/EB/schema/types/executable/jupyter-notebook-1.0",
        "https://www.purl.org/ivoa.net/EB/schema/v1.0/types/executable/jupyter-notebook-1.0",
        "https://www.purl.org/ivoa.net/Calycopis-openapi/schema/v1.0/kinds/executable/jupyter-notebook.yaml",
        "urn:anything:jupyter-notebook",
    ])
    func `a kind is known by the last part of its URI`(uri: String) {
        #expect(ExecutableKind(uri: uri) == .jupyterNotebook)
    }

    @Test(arguments: ExecutableKind.allCases)
    func `every kind of executable is read as it is written`(kind: ExecutableKind) {
        #expect(ExecutableKind(uri: kind.uri) == kind)
    }

    @Test func `the oldest generation is read`() throws {
        let types = "https://www.purl.org/ivoa.net/EB/schema/types"
        let workstep = try Workstep.parse([
            "executable": [
                "type": .string("\(types)/executable/jupyter-notebook-1.0"), "name": "nb",
                "location": "https://example.org/a.ipynb",
            ],
            "computer": [
                "type": .string("\(types)/computer/simple-compute-resource-1.0"), "name": "vm",
                "cores": ["min": 2],
            ],
            "volumes": [
                ["type": .string("\(types)/volume/simple-volume-mount-1.0"), "path": "/in", "resources": ["a"]]
            ],
            "data": [
                [
                    "type": .string("\(types)/data/simple-data-resource-1.0"), "name": "a",
                    "location": "https://example.org/a.fits",
                ]
            ],
            "schedule": ["requested": ["duration": "PT1H", "start": "2026-01-10T10:00:00Z/PT2H"]],
        ])
        #expect(workstep.compute.cores == Amount(min: 2, max: 2))
        #expect(workstep.compute.volumes == [Volume(path: "/in", resource: "a")])
        #expect(workstep.data.map(\.source) == [.url("https://example.org/a.fits")])
        #expect(workstep.requested.window?.description == "2026-01-10T10:00:00Z/2026-01-10T12:00:00Z")
    }

    @Test func `all kinds of data are read`() throws {
        let workstep = try Workstep.parse(
            notebookParts.with(
                "data",
                [
                    [
                        "kind": .string(DataKind.s3.uri), "meta": ["name": "cube"],
                        "endpoint": "https://s3.example.org",
                        "template": "t", "bucket": "b",
                    ],
                    ["kind": .string(DataKind.ivoa.uri), "ivoa": ["ivoid": "ivo://example.org/x"]],
                    [
                        "kind": .string(DataKind.skao.uri),
                        "skao": [
                            "namespace": "testing", "objectname": "obs-0042", "objecttype": "DATASET",
                            "datasize": 26_843_545_600, "replicas": [["rsename": "JPSRC_STORM"]],
                        ],
                    ],
                ]))
        #expect(
            workstep.data.map(\.source) == [
                .s3(endpoint: "https://s3.example.org", template: "t", bucket: "b", object: nil),
                .ivoa("ivo://example.org/x"),
                .skao(
                    DataIdentifier(scope: "testing", name: "obs-0042", type: .dataset), bytes: 26_843_545_600,
                    replicas: ["JPSRC_STORM"]),
            ])
    }

    /// Where the fault is, and how it comes about.
    static let faults: [(pointer: String, path: String, value: JSON?)] = [
        ("/executable", "executable", nil),
        ("/executable", "executable", "nb"),
        ("/executable/kind", "executable/kind", nil),
        ("/executable/kind", "executable/kind", "urn:x:spreadsheet"),
        ("/executable/kind", "executable/kind", "https://x/kinds/executable/abstract-executable.yaml"),
        ("/executable/location", "executable/location", "/etc/passwd"),
        ("/executable/location", "executable/location", "file:///etc/passwd"),
        ("/executable/location", "executable/location", "https://example.org/a b"),
        ("/executable/image/locations", "executable/image/locations", []),
        ("/executable/image/locations", "executable/image/locations", ["a b"]),
        ("/executable/image/locations", "executable/image/locations", ["../../etc"]),
        ("/executable/image/locations", "executable/image", [:]),
        ("/executable/image/digest", "executable/image/digest", "sha256:123"),
        ("/executable/environment/A", "executable/environment", ["A": 1]),
        ("/executable/privileged", "executable/privileged", true),
        ("/executable/meta/name", "executable/meta/name", 7),
        ("/compute/cores/min", "compute/cores/min", 0),
        ("/compute/cores/min", "compute/cores/min", 1.5),
        ("/compute/cores/max", "compute/cores", ["min": 4, "max": 2]),
        ("/compute/memory/max", "compute/memory/max", 9_000_000_000_000_000_000),
        ("/compute/kind", "compute/kind", "urn:x:quantum"),
        ("/compute/volumes", "compute/volumes/0/resource", "nothing"),
        ("/compute/volumes/0/resource", "compute/volumes/0/resource", nil),
        ("/compute/volumes/0/path", "compute/volumes/0/path", "data"),
        ("/compute/volumes/0/path", "compute/volumes/0/path", "/data/../etc"),
        ("/compute/volumes/0/path", "compute/volumes/0/path", "/data//x"),
        ("/compute/volumes/0/path", "compute/volumes/0/path", "/"),
        ("/compute/volumes/0/mode", "compute/volumes/0/mode", "WRITEONLY"),
        ("/data/0/rucio/scope", "data/0/rucio/scope", nil),
        ("/data/0/rucio/scope", "data/0/rucio/scope", ".."),
        ("/data/0/rucio/object", "data/0/rucio/object", "../x"),
        ("/data/0/rucio/object", "data/0/rucio/object", ""),
        ("/data/0/rucio/type", "data/0/rucio/type", "BUCKET"),
        ("/data/0/rucio", "data/0/rucio", nil),
        ("/data/0/kind", "data/0/kind", "urn:x:tape"),
        ("/data", "data/0/storage", "nowhere"),
        ("/schedule/requested/duration", "schedule/requested/duration", "PT0S"),
        ("/schedule/requested/duration", "schedule/requested/duration", "1 h"),
        ("/schedule/requested/start", "schedule/requested/start", "2026-01-10T10:00:00Z"),
        ("/schedule/requested/start", "schedule/requested/start", "PT1H/2026-01-10T10:00:00Z"),
        ("/schedule/requested/start", "schedule/requested/start", "2026-01-10T10:00:00Z/2026-01-10T09:00:00Z"),
    ]

    @Test(arguments: faults.indices)
    func `a fault is named by its pointer`(index: Int) throws {
        let (pointer, path, value) = WorkstepTests.faults[index]
        let problem = try #require(
            #expect(throws: Problem.self) { try Workstep.parse(notebookParts.with(path, value)) })
        #expect(problem.kind == .invalid)
        #expect(problem.errors.map(\.pointer) == [pointer])
    }

    @Test func `all faults are told at once`() throws {
        let broken = notebookParts.with("executable/kind", "urn:x:y").with("compute/cores/min", -1)
            .with("data/0/rucio/scope", nil)
        let problem = try #require(#expect(throws: Problem.self) { try Workstep.parse(broken) })
        #expect(problem.errors.map(\.pointer) == ["/executable/kind", "/compute/cores/min", "/data/0/rucio/scope"])
    }

    @Test func `names must tell parts apart`() throws {
        let item: JSON = [
            "kind": .string(DataKind.simple.uri), "meta": ["name": "cube"], "location": "https://example.org/a",
        ]
        let twice = notebookParts.with("data", [item, item])
        #expect(throws: Problem.self) { try Workstep.parse(twice) }
        let both = notebookParts.with(
            "storage", [["kind": .string(StorageKind.simple.uri), "meta": ["name": "cube"]]])
        #expect(throws: Problem.self) { try Workstep.parse(both) }
        let volumes = try #require(notebookParts["compute"]?["volumes"]?[0])
        #expect(throws: Problem.self) { try Workstep.parse(notebookParts.with("compute/volumes", [volumes, volumes])) }
    }

    @Test func `more than a thousand data are too many`() throws {
        let item: JSON = ["kind": .string(DataKind.simple.uri), "location": "https://example.org/a"]
        let many = JSON.array(Array(repeating: item, count: 1_000))
        #expect(try Workstep.parse(notebookParts.with("data", many).with("compute", nil)).data.count == 1_000)
        let more = JSON.array(Array(repeating: item, count: 1_001))
        let problem = try #require(
            #expect(throws: Problem.self) { try Workstep.parse(notebookParts.with("data", more).with("compute", nil)) })
        #expect(problem.errors.map(\.pointer) == ["/data"])
    }
}

struct SubmissionTests {
    @Test func `parts are kept as they came, with what nobody here knows of them left out of no part`() throws {
        let body = notebookParts.with("executable/colour", "green")
        let submission = try Submission.parse(["workstep": body], at: instant(0))
        #expect(submission.mode == .interactive)
        #expect(submission.deadline == instant(2))
        guard case .parts(let parts, let workstep, let reference) = submission.content else {
            Issue.record("not parts")
            return
        }
        #expect(parts["executable"]?["colour"] == "green")
        #expect(workstep.executable.name == "nb")
        #expect(reference == nil)
    }

    @Test func `a workstep of the editor is named, or comes along with its name`() throws {
        let id = "8d0c2c1e-1111-4c11-9a11-000000000001"
        let named = try Submission.parse(["workstep": ["uuid": .string(id), "revision": 3]], at: instant(0))
        let reference = WorkstepReference(uuid: try #require(WorkstepID(id)), revision: 3)
        #expect(named.content == .reference(reference))
        let whole = try Submission.parse(["workstep": notebookParts.with("uuid", .string(id))], at: instant(0))
        guard case .parts(_, _, let from) = whole.content else {
            Issue.record("not parts")
            return
        }
        #expect(from?.uuid == reference.uuid)
    }

    static let faults: [(pointer: String, body: JSON)] = [
        ("/workstep", [:]),
        ("/workstep", ["workstep": [:]]),
        ("/workstep/uuid", ["workstep": ["uuid": "7"]]),
        ("/workstep/executable/kind", ["workstep": ["executable": [:]]]),
        ("/mode", ["workstep": notebookParts, "mode": "lazy"]),
        ("/callback", ["workstep": notebookParts, "callback": [:]]),
        ("/deadline", ["workstep": notebookParts, "deadline": "2026-11-24T10:00:00.050Z"]),
        ("/deadline", ["workstep": notebookParts, "deadline": "2026-11-24T10:01:01Z"]),
        ("/deadline", ["workstep": notebookParts, "deadline": "soon"]),
    ]

    @Test(arguments: faults.indices)
    func `a wrong submission says where`(index: Int) throws {
        let (pointer, body) = SubmissionTests.faults[index]
        let problem = try #require(
            #expect(throws: Problem.self) { try Submission.parse(body, at: instant(0)) })
        #expect(problem.errors.map(\.pointer) == [pointer])
    }

    @Test func `a request for offers is read as it is written`() throws {
        let request = OfferRequest(
            parts: notebookParts, request: try Workstep.parse(notebookParts),
            workstep: WorkstepReference(uuid: identifier(4), revision: 2), offerset: identifier(5),
            owner: Owner(iss: "urn:srcnet:rabbitmq", sub: "ada", groups: ["astronomers"]), deadline: instant(2))
        #expect(try OfferRequest(parsing: request.json) == request)
        #expect(throws: Problem.self) { try OfferRequest(parsing: request.json.with("owner/sub", nil)) }
    }
}

struct SiteAbilitiesTests {
    static let site = SiteAbilities(
        executables: [.jupyterNotebook], data: [.rucio], cores: 4, memory: 8)

    static let refused: [(path: String, value: JSON, kind: NoticeKind, element: String)] = [
        ("executable/kind", "urn:x:terminal", .notSupported, "executable.kind"),
        ("executable/image/platform", ["architecture": "arm64"], .notSupported, "executable.image.platform"),
        ("compute/cores", ["min": 5], .resourceLimit, "compute.cores.min"),
        ("compute/memory", ["min": 9], .resourceLimit, "compute.memory.min"),
        ("compute/accelerators", ["min": 1], .resourceLimit, "compute.accelerators.min"),
        (
            "data/0",
            ["kind": .string(DataKind.simple.uri), "meta": ["name": "cube"], "location": "https://example.org/a"],
            .notSupported, "data[0].kind"
        ),
    ]

    @Test(arguments: refused.indices)
    func `a site says why it cannot`(index: Int) throws {
        let (path, value, kind, element) = SiteAbilitiesTests.refused[index]
        let workstep = try Workstep.parse(notebookParts.with(path, value))
        let messages = SiteAbilitiesTests.site.refusals(of: workstep, at: instant(0))
        #expect(messages.map(\.kind) == [kind])
        #expect(messages.first?.values["path"] == element)
        #expect(messages.first?.text.contains("{") == false)
    }

    @Test func `a site that can has nothing to say`() throws {
        #expect(SiteAbilitiesTests.site.refusals(of: try Workstep.parse(notebookParts), at: instant(0)).isEmpty)
    }

    @Test func `a message is a template and its values`() {
        let message = Notice(
            .resourceLimit, "Minimum cores {cores} exceed {limit} {unknown}", values: ["cores": "20", "limit": "16"],
            path: "compute.cores.min", at: instant(0))
        #expect(message.text == "Minimum cores 20 exceed 16 {unknown}")
        #expect(message.json["kind"] == "urn:resource-limit")
        #expect(message.json["values"]?["path"] == "compute.cores.min")
    }
}
