import ExecutionModel
import MessageBus
import Preparation
import Testing
import Wire

@testable import ExecutionBroker

/// The broker of a site under test, with what its neighbours say to it.
final class BrokerSite {
    typealias Effects = DecisionHarness<ExecutionBroker>.Effects

    let harness: DecisionHarness<ExecutionBroker>
    let settings: BrokerSettings
    /// Everything that the broker has sent so far.
    private(set) var sent: [Outgoing] = []
    /// The claims that were refused because another offer was first.
    var takenClaims: Set<String> = []
    private var offersets = 0

    init(cores: Int64 = 4, memory: Int64 = 8) throws {
        settings = BrokerSettings(site: try #require(SiteName("ral")), cores: cores, memory: memory)
        harness = DecisionHarness(
            ExecutionBroker(settings), address: "execution-broker.ral", now: aTuesday,
            services: ["science-gateway", "global-execution"])
    }

    static let digest = "sha256:" + String(repeating: "ab", count: 32)

    static func parts(
        cores: Int64 = 1, mostCores: Int64? = nil, data: [String] = ["cube"], duration: String = "PT1H",
        start: String? = nil, executable: JSON = ["image": ["locations": ["srcnet/notebook:1"], "unknown": "kept"]],
        volumes: JSON = []
    ) -> JSON {
        let base = "https://www.purl.org/ivoa.net/Calycopis-openapi/schema/v1.0/kinds"
        var executable = executable
        if executable["kind"] == nil { executable["kind"] = .string("\(base)/executable/jupyter-notebook.yaml") }
        executable["meta"] = ["name": "nb"]
        return [
            "executable": executable,
            "compute": [
                "kind": .string("\(base)/compute/simple-compute-resource.yaml"),
                "cores": ["min": .int(cores), "max": .int(mostCores ?? cores)], "memory": ["min": 1, "max": 1],
                "volumes": volumes,
            ],
            "data": .array(
                data.map { name in
                    [
                        "kind": .string("\(base)/data/rucio-data-resource.yaml"), "meta": ["name": .string(name)],
                        "rucio": ["scope": "demo", "object": .string("hcn-\(name)"), "type": "FILE"],
                    ]
                }),
            "schedule": [
                "requested": .object(compacting: ["duration": .string(duration), "start": start.map(JSON.string)])
            ],
        ]
    }

    // MARK: Playing

    /// Keeps what was sent.
    @discardableResult
    func keep(_ effects: Effects) -> Effects {
        sent += effects.messages
        return effects
    }

    @discardableResult
    func send(
        _ type: String, _ body: JSON, from sender: String = "ada", onBehalfOf: Caller? = nil, id: String? = nil,
        replyTo: String? = DecisionHarness<ExecutionBroker>.own, correlationID: String? = "c-1"
    ) async throws -> Effects {
        keep(
            try await harness.send(
                type, body, from: sender, onBehalfOf: onBehalfOf, id: id, replyTo: replyTo,
                correlationID: correlationID))
    }

    /// An answer to a question that was sent.
    @discardableResult
    func answer(_ question: Outgoing, _ type: String, _ body: JSON, from sender: String? = nil) async throws -> Effects
    {
        try await send(
            type, body, from: sender ?? question.key, replyTo: nil, correlationID: question.correlationID)
    }

    @discardableResult
    func refuse(_ question: Outgoing, _ problem: Problem, from sender: String? = nil) async throws -> Effects {
        try await answer(question, "srcnet.problem.v1", problem.json, from: sender)
    }

    @discardableResult
    func giveBack(_ question: Outgoing) async throws -> Effects { keep(try await harness.giveBack(question)) }

    @discardableResult
    func advance(_ duration: Duration) async throws -> Effects { keep(try await harness.advance(by: duration)) }

    func restart() async throws { try await harness.restart(ExecutionBroker(settings)) }

    /// The newest message of a type, to a receiver.
    func last(
        _ type: String, to key: String? = nil, sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> Outgoing {
        let found = sent.last { $0.type == type && (key == nil || $0.key == key) }
        return try #require(found, "no \(type) was sent", sourceLocation: sourceLocation)
    }

    // MARK: Offers

    @discardableResult
    func requestOffers(
        _ parts: JSON = BrokerSite.parts(), owner: String = "ada", offerset: String? = nil,
        within: Duration = .seconds(2), from sender: String = "global-execution"
    ) async throws -> Effects {
        offersets += 1
        let body: JSON = [
            "request": parts, "offerset": .string(offerset ?? uuid(offersets)),
            "owner": ["iss": "urn:srcnet:rabbitmq", "sub": .string(owner), "groups": ["astro"]],
            "deadline": .string((harness.now + within).description),
            "workstep": ["uuid": .string(uuid(900)), "revision": 2],
        ]
        return try await send(
            "srcnet.offer.request.v1", body, from: sender,
            replyTo: sender == "global-execution" ? sender : "client.\(sender).1",
            correlationID: "gather-1")
    }

    static func replica(_ name: String = "cube", local: Bool = true, seconds: Double? = 0) -> JSON {
        .object(compacting: [
            "scope": "demo", "name": .string("hcn-\(name)"), "type": "FILE", "bytes": 2_400_000, "files": 1,
            "rses": [.string(local ? "RAL" : "IDIA")], "local": .bool(local), "seconds": seconds.map(JSON.double),
        ])
    }

    @discardableResult
    func locate(_ replicas: JSON..., unknown: JSON = []) async throws -> Effects {
        try await answer(
            last("srcnet.data.locate.v1"), "srcnet.replicas.v1", ["replicas": .array(replicas), "unknown": unknown])
    }

    @discardableResult
    func resolve(present: Bool = true, seconds: Double = 0, kind: String? = "jupyter-notebook") async throws -> Effects
    {
        try await answer(
            last("srcnet.image.resolve.v1"), "srcnet.image.v1",
            .object(compacting: [
                "image": "srcnet/notebook:1", "digest": .string(Self.digest), "size": 600_000_000,
                "present": .bool(present), "seconds": .double(seconds), "kind": kind.map(JSON.string),
                "entrypoint": [],
            ]))
    }

    /// The newest answer to a request for offers.
    func response(sourceLocation: SourceLocation = #_sourceLocation) throws -> JSON {
        try last("srcnet.offer.response.v1", to: "global-execution", sourceLocation: sourceLocation).json
    }

    /// The kinds of the reasons in the newest answer.
    func reasons(sourceLocation: SourceLocation = #_sourceLocation) throws -> [String] {
        let response = try response(sourceLocation: sourceLocation)
        #expect(response["result"] == "NO", sourceLocation: sourceLocation)
        #expect(response["offers"] == [], sourceLocation: sourceLocation)
        return (response["meta"]?["messages"]?.array ?? []).compactMap { $0["kind"]?.string }
    }

    /// Offers for a request whose data and image lie at the site; their documents.
    @discardableResult
    func makeOffers(_ parts: JSON = BrokerSite.parts(), owner: String = "ada") async throws -> [JSON] {
        try await requestOffers(parts, owner: owner)
        let data = parts["data"]?.array ?? []
        if !data.isEmpty {
            let replicas = data.compactMap { $0["meta"]?["name"]?.string }.map { Self.replica($0) }
            try await answer(
                last("srcnet.data.locate.v1"), "srcnet.replicas.v1", ["replicas": .array(replicas), "unknown": []])
        }
        try await resolve()
        return try #require(try response()["offers"]?.array)
    }

    /// One offer; its session's id.
    func offer(_ parts: JSON = BrokerSite.parts(), owner: String = "ada") async throws -> String {
        let offers = try await makeOffers(parts, owner: owner)
        return try #require(offers.first?["meta"]?["uuid"]?.string)
    }

    // MARK: Sessions

    @discardableResult
    func set(
        _ phase: String, _ session: String, callback: JSON? = nil, from sender: String = "ada", id: String? = nil,
        correlationID: String? = "c-1"
    ) async throws -> Effects {
        let body = JSON.object(compacting: [
            "session": .string(session), "phase": .string(phase), "callback": callback,
        ])
        return try await send(
            "srcnet.session.set-phase.v1", body, from: sender, id: id, correlationID: correlationID)
    }

    @discardableResult
    func permit() async throws -> Effects {
        try await answer(
            last("srcnet.permission.check.v1"), "srcnet.permission.v1",
            ["authorised": true, "reason": "rule r allows it", "policy": "p"])
    }

    @discardableResult
    func grantClaim() async throws -> Effects {
        let claim = try last("srcnet.offer.claim.v1")
        var body = claim.json
        body["claimed"] = true
        return try await answer(claim, "srcnet.offer.claimed.v1", body)
    }

    /// Accepts an offer, with permission and claim granted; what the last of the steps led to.
    @discardableResult
    func accept(_ session: String, callback: JSON? = nil) async throws -> Effects {
        try await set("ACCEPTED", session, callback: callback)
        try await permit()
        return try await grantClaim()
    }

    func get(_ session: String, from sender: String = "ada") async throws -> JSON {
        let effects = try await send("srcnet.session.get.v1", ["session": .string(session)], from: sender)
        return try effects.reply().json
    }

    func phase(_ session: String) async throws -> String? { try await get(session)["phase"]?.string }

    // MARK: Preparations

    static let startTypes: [TaskRole: String] = [
        .prepareData: "srcnet.data.prepare.v1", .cavern: "srcnet.data.pull.v1", .harbor: "srcnet.image.pull.v1",
        .canfar: "srcnet.session.start.v1",
    ]

    /// The newest command that starts a preparation.
    func start(_ role: TaskRole, sourceLocation: SourceLocation = #_sourceLocation) throws -> Outgoing {
        try last(Self.startTypes[role] ?? "", to: "\(role.rawValue).ral", sourceLocation: sourceLocation)
    }

    /// What a participant tells of a task that it was asked for.
    @discardableResult
    func tell(
        _ role: TaskRole, _ type: String, _ status: String, _ more: [String: JSON] = [:], from sender: String? = nil
    ) async throws -> Effects {
        let start = try start(role)
        let own: [String: JSON] = [
            "task": start.json["task"] ?? .null, "session": start.json["session"] ?? .null,
            "status": .string(status), "released": false,
        ]
        return try await answer(start, type, .object(own.merging(more) { $1 }), from: sender)
    }

    @discardableResult
    func complete(_ role: TaskRole) async throws -> Effects {
        try await tell(role, "srcnet.task.v1", "running")
        return try await tell(role, "srcnet.task.done.v1", "completed", ["result": Self.result(of: role)])
    }

    @discardableResult
    func fail(_ role: TaskRole, _ reason: String = "checksum-mismatch") async throws -> Effects {
        try await tell(
            role, "srcnet.task.done.v1", "failed", ["reason": .string(reason), "detail": "the bytes are wrong"])
    }

    static func result(of role: TaskRole) -> JSON {
        switch role {
        case .prepareData: ["files": 1, "bytes": 2_400_000, "linked": 1]
        case .cavern: ["files": 0, "bytes": 0]
        case .harbor:
            ["image": "srcnet/notebook:1", "digest": .string(digest), "size": 600_000_000, "present": true]
        case .canfar:
            [
                "url": "http://127.0.0.1:8888/?token=secret", "token": "secret", "kind": "jupyter-notebook",
                "unlimited": [],
            ]
        }
    }

    /// Everything that is prepared side by side is done.
    @discardableResult
    func prepare() async throws -> Effects {
        try await complete(.prepareData)
        try await complete(.cavern)
        return try await complete(.harbor)
    }

    /// An offer that was accepted and can be used.
    func makeAvailable(_ parts: JSON = BrokerSite.parts(), callback: JSON? = nil) async throws -> String {
        let session = try await offer(parts)
        try await accept(session, callback: callback)
        try await prepare()
        try await complete(.canfar)
        #expect(try await phase(session) == "AVAILABLE")
        return session
    }

    private var answeredReleases: Set<String> = []

    /// The releases that wait for their answers, by their receivers.
    var releases: [Outgoing] {
        sent.filter { $0.type == "srcnet.task.release.v1" && !answeredReleases.contains($0.id) }
    }

    /// The next release that waits for its answer, which is now somebody's to give.
    func takeRelease() -> Outgoing? {
        guard let release = releases.first else { return nil }
        answeredReleases.insert(release.id)
        return release
    }

    /// A participant says that nothing is left of a task.
    func confirm(_ release: Outgoing) async throws {
        try await answer(
            release, "srcnet.task.v1",
            ["task": release.json["task"] ?? .null, "status": "completed", "released": true])
    }

    /// The participants answer every release that they were asked for, until none is left.
    func releaseAll() async throws {
        while let release = takeRelease() { try await confirm(release) }
    }

    /// Nothing is held by anybody, in memory and in the store.
    func expectAllFree(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        #expect(harness.participant.ledger.capacity.count == 0, sourceLocation: sourceLocation)
        try await restart()
        #expect(harness.participant.ledger.capacity.count == 0, sourceLocation: sourceLocation)
    }

    /// The phases that were published of a session, in order.
    func published(_ session: String) -> [String] {
        sent.filter { $0.exchange == .events && $0.subject == session && $0.json["endsAt"] == nil }
            .compactMap { $0.json["phase"]?.string }
    }

    /// The callbacks that were sent.
    var callbacks: [Outgoing] { sent.filter { $0.exchange == .callbacks } }
}
