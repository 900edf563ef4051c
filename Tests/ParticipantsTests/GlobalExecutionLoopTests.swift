import AMQP
import GlobalExecution
import MessageBus
import Permissions
import Store
import TestSupport
import Testing
import Wire
import WorkstepEditor

/// The three participants on their loops over a broker in memory, with a user and the brokers of two sites beside them.
@Suite struct CentreLoopTests {
    private let broker = MemoryBroker()
    private let services: Set<String> = ["global-execution", "workstep-editor"]

    init() {
        for exchange in Exchange.allCases { broker.declareExchange(exchange.rawValue, kind: "topic") }
        for name in ["global-execution", "permissions", "workstep-editor"] {
            broker.declareQueue(name, bindings: [("commands", name), ("replies", name)])
            broker.declareQueue("\(name).parked", bindings: [("parked", name)])
        }
        broker.declareQueue("global-execution", bindings: [("events", "session.#")])
        broker.declareQueue("user", bindings: [("replies", "client.#")])
        broker.declareQueue("facts", bindings: [("events", "#")])
        for site in ["a", "b"] {
            broker.declareQueue("broker.\(site)", bindings: [("commands", "execution-broker.\(site)")])
            broker.declareQueue("broker.\(site)", bindings: [("replies", "execution-broker.\(site)")])
            broker.declareQueue("broker.\(site).offers", bindings: [("offers", "offer.request.any")])
        }
    }

    private func run<Subject: Participant>(
        _ participant: sending Subject, _ address: String, while body: () async throws -> Void
    ) async throws {
        var settings = LoopSettings(log: .silent)
        settings.services = services
        let loop = try await ParticipantLoop(
            participant, address: address, instance: "1", queues: [address], store: MemoryStore(),
            transport: broker.transport(user: address), performer: NoActivities(), settings: settings)
        let running = Task { try await loop.run() }
        let result: Result<Void, any Error>
        do { result = .success(try await body()) } catch { result = .failure(error) }
        loop.drain()
        try await running.value
        try result.get()
    }

    private func withCentre(_ body: () async throws -> Void) async throws {
        let policy = """
            { "policy": "p", "services": ["global-execution", "workstep-editor"], "users": [{"sub": "ada"}],
              "rules": [{"name": "ada", "effect": "allow", "who": {"users": ["ada"]}, "actions": ["workstep.*"]}] }
            """
        let permissions = Permissions(policy: try Policy(reading: Array(policy.utf8), file: "policy.json"))
        let sites = ["a", "b"].compactMap(SiteName.init)
        try await run(permissions, "permissions") {
            try await run(WorkstepEditor(), "workstep-editor") {
                try await run(GlobalExecution(settings: .init(sites: sites)), "global-execution", while: body)
            }
        }
    }

    private func send(
        _ type: String, _ body: JSON, to key: String, from user: String, over exchange: Exchange = .commands,
        replyTo: String? = nil, correlationID: String? = nil
    ) async throws {
        var properties = AMQPProperties()
        properties.type = type
        properties.messageID = IDSource.random.next()
        properties.userID = user
        properties.replyTo = replyTo
        properties.correlationID = correlationID
        let message = AMQPMessage(
            exchange: exchange.rawValue, routingKey: key, properties: properties, body: body.bytes)
        _ = await broker.transport(user: user).publish([message])
    }

    /// Waits for a message in a queue.
    private func message(_ queue: String, _ isIt: (AMQPDelivery) -> Bool) async throws -> AMQPDelivery {
        let isThere = await eventually { broker.messages(in: queue).contains { isIt($0) } }
        #expect(isThere, "\(queue) has \(broker.messages(in: queue).compactMap(\.properties.type))")
        let found = broker.messages(in: queue).first { isIt($0) }
        return try #require(found)
    }

    private func answer(_ correlationID: String) async throws -> (type: String?, body: JSON) {
        let delivery = try await message("user") { $0.properties.correlationID == correlationID }
        return (delivery.properties.type, try JSON(parsing: delivery.body))
    }

    /// Makes a workstep and has the editor execute it (diagrams.md, E1a and C2).
    private func execute(as user: String) async throws -> (type: String?, body: JSON) {
        try await send(
            "srcnet.workstep.create.v1", ["from": "empty", "workstep": GlobalNetwork.parts], to: "workstep-editor",
            from: user, replyTo: "client.\(user).1", correlationID: "create-\(user)")
        let workstep = try await answer("create-\(user)").body
        let id = try #require(workstep["uuid"])
        try await send(
            "srcnet.workstep.execute.v1",
            ["uuid": id, "deadline": .string((Timestamp.now() + .seconds(30)).description)], to: "workstep-editor",
            from: user, replyTo: "client.\(user).1", correlationID: "execute-\(user)")
        if user == "ada" {
            for site in ["a", "b"] { try await respond(site) }
        }
        return try await answer("execute-\(user)")
    }

    private func respond(_ site: String) async throws {
        let request = try await message("broker.\(site).offers") { _ in true }
        let offerset = try #require(try JSON(parsing: request.body)["offerset"])
        try await send(
            "srcnet.offer.response.v1",
            [
                "site": .string(site), "offerset": offerset, "result": "YES", "messages": [],
                "offers": [["meta": ["uuid": .string(uuid(site == "a" ? 1 : 2))], "site": .string(site)]],
            ], to: request.properties.replyTo ?? "", from: "execution-broker.\(site)", over: .replies,
            correlationID: request.properties.correlationID)
    }

    @Test func `a workstep that the editor executes is answered with offers, and one of them wins`() async throws {
        try await withCentre {
            let (type, offerset) = try await execute(as: "ada")
            #expect(type == "srcnet.offerset.v1")
            #expect(offerset["result"] == "YES")
            #expect(offerset["offers"]?.array?.map { $0["site"] } == ["a", "b"])
            #expect(offerset["workstep"]?["revision"] == 1)
            let id = try #require(offerset["meta"]?["uuid"])
            let claim: JSON = [
                "offerset": id, "offer": .string(uuid(1)), "site": "a", "claim": .string(uuid(3)),
            ]
            try await send(
                "srcnet.offer.claim.v1", claim, to: "global-execution", from: "execution-broker.a",
                replyTo: "execution-broker.a")
            _ = try await message("broker.a") { $0.properties.type == "srcnet.offer.claimed.v1" }
            try await send(
                "srcnet.event.session.v1",
                [
                    "session": .string(uuid(1)), "offerset": id, "phase": "ACCEPTED", "sequence": 2,
                    "time": .string(Timestamp.now().description),
                ], to: "session.a.accepted.\(uuid(1))", from: "execution-broker.a", over: .events)
            let rejection = try await message("broker.b") { $0.properties.type == "srcnet.session.set-phase.v1" }
            #expect(try JSON(parsing: rejection.body)["session"] == .string(uuid(2)))
            try await send(
                "srcnet.session.list.v1", [:], to: "global-execution", from: "ada", replyTo: "client.ada.1",
                correlationID: "list")
            #expect(try await answer("list").body["sessions"]?[0]?["phase"] == "ACCEPTED")
        }
        for name in ["global-execution", "permissions", "workstep-editor"] {
            #expect(broker.messages(in: "\(name).parked").isEmpty)
        }
    }

    @Test func `who may not submit is told so by who was asked last, and no site hears of it`() async throws {
        try await withCentre {
            let (type, problem) = try await execute(as: "ben")
            #expect(type == "srcnet.problem.v1")
            #expect(problem["type"] == "urn:srcnet:problem:not-authorised")
            #expect(
                problem["detail"] == "no rule allows ben to do workstep.submit to interactive/jupyter-notebook")
        }
        #expect(broker.messages(in: "broker.a.offers").isEmpty)
    }
}
