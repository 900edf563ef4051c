import AMQP
import ExecutionModel
import HTTPClient
import MessageBus
import Soak
import TestSupport
import Testing
import Wire

/// Plays the user and the gateway of the diagrams, over the bus alone.
struct Scientist {
    let client: BusClient
    let callbacks: CallbackLog
    let facts: EventLog

    /// Runs `body` as a user of the network who hears events and callbacks.
    static func with(_ name: String = "alice", _ body: (Scientist) async throws -> Void) async throws {
        try await with(uri: ScenarioNetwork.shared.uri(of: name), body)
    }

    /// The same on any network.
    static func with(uri: String, _ body: (Scientist) async throws -> Void) async throws {
        try await BusClient.with(AMQPConfiguration(uri: uri)) { client in
            let scientist = Scientist(client: client, callbacks: CallbackLog(), facts: EventLog())
            let stream = client.callbacks()
            let collecting = Task { for await callback in stream { scientist.callbacks.add(callback) } }
            let (ready, isReady) = AsyncStream.makeStream(of: Void.self)
            let hearing = Task {
                try await client.hear(["session.#", "task.#", "offerset.#", "workstep.#"], ready: { isReady.finish() })
                {
                    scientist.facts.add($0)
                    return true
                }
            }
            for await _ in ready {}
            defer {
                collecting.cancel()
                hearing.cancel()
            }
            try await body(scientist)
        }
    }

    // MARK: Asking

    func ask(
        _ type: String, of key: String, _ body: JSON, id: String? = nil, patience: Duration = .seconds(30)
    ) async throws(BusClientError) -> JSON {
        try await client.request(type, of: key, body, id: id, patience: patience).body
    }

    func submit(_ workstep: JSON, deadline: Duration = .seconds(5)) async throws(BusClientError) -> JSON {
        let instant = (Timestamp.now() + deadline).description
        return try await ask(
            "srcnet.workstep.submit.v1", of: "global-execution",
            ["workstep": workstep, "deadline": .string(instant)])
    }

    /// Submits, and gives the first offer of a site.
    func offer(at site: String, _ workstep: JSON = Worksteps.notebook()) async throws -> Offer {
        let offerset = try await submit(workstep)
        let found = offerset["offers"]?.array?.first { $0["site"]?.string == site }
        let session = try #require(found?["meta"]?["uuid"]?.string, "no offer of \(site) in \(offerset.prettyText)")
        return Offer(session: session, site: site, offerset: offerset)
    }

    @discardableResult
    func set(_ phase: String, _ offer: Offer, callback: JSON? = nil, id: String? = nil) async throws(BusClientError)
        -> JSON
    {
        var body: JSON = ["session": .string(offer.session), "phase": .string(phase)]
        body["callback"] = callback
        return try await ask("srcnet.session.set-phase.v1", of: offer.broker, body, id: id, patience: .seconds(60))
    }

    /// Accepts with a callback of this client.
    @discardableResult
    func accept(
        _ offer: Offer, phases: JSON = ["AVAILABLE"], once: Bool = true, content: JSON? = nil, id: String? = nil
    ) async throws(BusClientError) -> JSON {
        try await set("ACCEPTED", offer, callback: callback(phases: phases, once: once, content: content), id: id)
    }

    func callback(phases: JSON = ["AVAILABLE"], once: Bool = true, content: JSON? = nil) -> JSON {
        var callback: JSON = [
            "type": "amqp", "address": .string(client.address), "criteria": ["phases": phases, "once": .bool(once)],
        ]
        callback["content"] = content
        return callback
    }

    func session(_ offer: Offer) async throws(BusClientError) -> JSON {
        try await ask("srcnet.session.get.v1", of: offer.broker, ["session": .string(offer.session)])
    }

    // MARK: Waiting

    /// The callbacks about a session once there are so many.
    @discardableResult
    func callbacks(_ offer: Offer, count: Int, within limit: Duration = .seconds(60)) async throws -> [ReceivedMessage]
    {
        let came = await eventually(within: limit) { callbacks.about(offer.session).count >= count }
        let found = callbacks.about(offer.session)
        try #require(
            came, "\(found.count) callbacks of \(count): \(found.map(\.body.text)); \(facts.story(offer.session))")
        return found
    }

    /// Waits for the event of a phase.
    func wait(for phase: String, _ offer: Offer, within limit: Duration = .seconds(60)) async throws {
        let came = await eventually(within: limit) { facts.phases(of: offer.session).contains(phase) }
        try #require(came, "\(phase) did not come: \(facts.story(offer.session))")
    }

    /// What lies in the data of a session, asked of its link with its token and without.
    func open(_ session: JSON) async throws -> (with: Int, without: Int, files: JSON) {
        let (base, token) = try link(session)
        let http = try HTTPClient()
        let with = try await http.get("\(base)/api/contents/data?\(token)")
        let without = try await http.get("\(base)/api/contents/data")
        return (with.status, without.status, try JSON(parsing: with.body))
    }

    /// Has the session's own program end, as a person does who logs out.
    func quit(_ session: JSON) async throws {
        let (base, token) = try link(session)
        let answer = try await HTTPClient().get("\(base)/quit?\(token)")
        try #require(answer.status == 200)
    }

    /// The address below which a session answers, and the query that holds its token.
    private func link(_ session: JSON) throws -> (base: String, token: String) {
        let link = try #require(session["connectors"]?[0]?["location"]?.string)
        let id = try #require(session["meta"]?["uuid"]?.string)
        let base = try #require(link.firstRange(of: id).map { link[..<$0.upperBound] })
        let token = try #require(link.split(separator: "?", maxSplits: 1).dropFirst().first)
        return (String(base), String(token))
    }

    /// Ends a session at once, whatever became of it, so that a failing test leaves nothing running.
    func clear(_ offer: Offer) async {
        _ = try? await set("CANCELLED", offer)
    }
}

/// An offer, which is the session that comes of it.
struct Offer: Sendable {
    let session: String
    let site: String
    let offerset: JSON

    var broker: String { "execution-broker.\(site)" }
}
