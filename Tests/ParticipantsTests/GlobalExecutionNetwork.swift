import ExecutionModel
import GlobalExecution
import MessageBus
import Testing
import Wire

/// `global-execution` under test, with what its neighbours say to it.
final class GlobalNetwork {
    typealias Effects = DecisionHarness<GlobalExecution>.Effects

    let harness: DecisionHarness<GlobalExecution>
    let settings: GlobalExecution.Settings

    init(sites: [String] = ["site-a", "site-b"]) {
        settings = GlobalExecution.Settings(sites: sites.compactMap(SiteName.init))
        harness = DecisionHarness(
            GlobalExecution(settings: settings), address: "global-execution", now: aTuesday,
            services: ["global-execution", "workstep-editor"])
    }

    /// Parts that claim to be those of a workstep of the editor.
    static let partsBesideUUID: JSON = {
        var workstep = parts
        workstep["uuid"] = .string(uuid(7))
        return workstep
    }()

    static let parts: JSON = [
        "executable": [
            "kind":
                "https://www.purl.org/ivoa.net/Calycopis-openapi/schema/v1.0/kinds/executable/jupyter-notebook.yaml",
            "meta": ["name": "nb"], "image": ["locations": ["srcnet/notebook:1"]], "unknown": ["kept": true],
        ],
        "compute": ["kind": "x/simple-compute-resource.yaml", "cores": ["min": 1, "max": 2]],
    ]

    func instant(in milliseconds: Int) -> JSON {
        .string((harness.now + .milliseconds(milliseconds)).description)
    }

    func submit(
        _ body: JSON = ["workstep": GlobalNetwork.parts], from sender: String = "ada", onBehalfOf: Caller? = nil,
        id: String? = nil, replyTo: String? = DecisionHarness<GlobalExecution>.own
    ) async throws -> Effects {
        try await harness.send(
            "srcnet.workstep.submit.v1", body, from: sender, onBehalfOf: onBehalfOf, id: id, replyTo: replyTo,
            correlationID: "c-1")
    }

    /// An answer to a question that was sent.
    func answer(_ question: Outgoing, _ type: String, _ body: JSON, from sender: String? = nil) async throws -> Effects
    {
        try await harness.send(
            type, body, from: sender ?? question.key, replyTo: nil, correlationID: question.correlationID)
    }

    func permit(_ effects: Effects) async throws -> Effects {
        let question = try #require(effects.commands(to: "permissions").first)
        return try await answer(
            question, "srcnet.permission.v1", ["authorised": true, "reason": "rule r allows it", "policy": "p"])
    }

    /// Submits, is allowed, and gives the request for offers.
    func gather(_ body: JSON = ["workstep": GlobalNetwork.parts]) async throws -> Outgoing {
        let effects = try await permit(try await submit(body))
        return try #require(effects.messages(of: "srcnet.offer.request.v1").first)
    }

    func offer(_ id: String, start: Int = 0, site: String, padding: Int = 0) -> JSON {
        [
            "kind": "k", "meta": ["uuid": .string(id), "options": []], "phase": "OFFERED", "site": .string(site),
            "expires": instant(in: 300_000), "padding": .string(String(repeating: "x", count: padding)),
            "schedule": ["available": ["start": .string("\((aTuesday + .seconds(start)))/PT0S"), "duration": "PT1H"]],
        ]
    }

    func respond(
        _ offerset: String?, _ site: String, _ offers: [JSON], messages: JSON = [], from sender: String? = nil
    ) async throws -> Effects {
        let body: JSON = [
            "site": .string(site), "offerset": .string(offerset ?? ""), "result": offers.isEmpty ? "NO" : "YES",
            "offers": .array(offers), "messages": messages,
        ]
        return try await harness.send(
            "srcnet.offer.response.v1", body, from: sender ?? "execution-broker.\(site)", replyTo: nil,
            correlationID: offerset)
    }

    func heartbeat(of site: String, from sender: String? = nil) async throws -> Effects {
        try await harness.send(
            "srcnet.heartbeat.v1", ["load": 0], from: sender ?? "execution-broker.\(site)",
            key: "\(site).execution-broker.host-1", replyTo: nil)
    }

    func event(
        _ phase: String, _ session: String, of offerset: String, at site: String, sequence: Int64 = 1,
        from sender: String? = nil, word: String? = nil
    ) async throws -> Effects {
        try await harness.send(
            "srcnet.event.session.v1",
            [
                "session": .string(session), "offerset": .string(offerset), "phase": .string(phase),
                "sequence": .int(sequence), "time": instant(in: 0),
            ], from: sender ?? "execution-broker.\(site)",
            key: "session.\(site).\(word ?? phase.lowercased()).\(session)", replyTo: nil)
    }

    func ask(_ type: String, _ body: JSON, from sender: String = "ada") async throws -> Effects {
        try await harness.send(type, body, from: sender)
    }
}

/// UUIDs that are easy to tell apart.
func uuid(_ number: Int) -> String {
    "00000000-0000-4000-8000-" + String(String(1_000_000_000_000 + number).dropFirst())
}
