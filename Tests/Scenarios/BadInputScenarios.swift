import AMQP
import FoundationEssentials
import MessageBus
import TestSupport
import Testing
import Wire

extension Scenarios {
    /// What strangers send by mistake or on purpose: each gets its problem, and the workers go on.
    @Suite struct BadInput {
        struct Bad: Sendable, CustomTestStringConvertible {
            let name: String
            let type: String?
            let key: String
            let body: String
            var id: String? = UUID().uuidString
            var headers: [String: AMQPValue] = [:]
            let slug: String
            var pointer: String?

            var testDescription: String { "\(name) to \(key)" }
        }

        static let nobody = "6f1c9c6e-0c0e-4c5a-9f5e-0d7f3a5e0009"
        static let setPhase = "srcnet.session.set-phase.v1"
        static let broker = "execution-broker.ral"

        static let all: [Bad] =
            ["global-execution", "workstep-editor", broker].flatMap { key in
                [
                    Bad(name: "no JSON", type: setPhase, key: key, body: "{", slug: "malformed"),
                    Bad(name: "no object", type: setPhase, key: key, body: "7", slug: "malformed"),
                    Bad(name: "unknown type", type: "srcnet.nothing.v1", key: key, body: "{}", slug: "unknown-type"),
                    Bad(name: "no type", type: nil, key: key, body: "{}", slug: "unknown-type"),
                    Bad(
                        name: "over the limit", type: setPhase, key: key,
                        body: #"{"x": ""# + String(repeating: "x", count: 1 << 20) + #""}"#, slug: "too-large"),
                ]
            } + [
                Bad(
                    name: "a token", type: setPhase, key: broker, body: "{}",
                    headers: ["authorization": .string("Bearer x")], slug: "not-authenticated"),
                Bad(
                    name: "on behalf of another", type: setPhase, key: broker, body: "{}",
                    headers: ["on_behalf_of": .string(#"{"iss": "urn:srcnet:rabbitmq", "sub": "bob"}"#)],
                    slug: "not-authenticated"),
                Bad(
                    name: "no message id", type: setPhase, key: broker,
                    body: #"{"session": "\#(nobody)", "phase": "ACCEPTED"}"#, id: nil, slug: "invalid"),
                Bad(
                    name: "no phase", type: setPhase, key: broker, body: #"{"session": "\#(nobody)"}"#, slug: "invalid",
                    pointer: "/phase"),
                Bad(
                    name: "a phase that does not exist", type: setPhase, key: broker,
                    body: #"{"session": "\#(nobody)", "phase": "SLEEPING"}"#, slug: "invalid", pointer: "/phase"),
                Bad(
                    name: "a uuid that is none", type: setPhase, key: broker,
                    body: #"{"session": "1", "phase": "ACCEPTED"}"#, slug: "invalid", pointer: "/session"),
                Bad(
                    name: "a session of nobody", type: setPhase, key: broker,
                    body: #"{"session": "\#(nobody)", "phase": "ACCEPTED"}"#, slug: "not-found"),
                Bad(
                    name: "a session of nobody", type: "srcnet.session.get.v1", key: broker,
                    body: #"{"session": "\#(nobody)"}"#, slug: "not-found"),
                Bad(
                    name: "an offer request from a stranger", type: "srcnet.offer.request.v1", key: broker, body: "{}",
                    slug: "invalid"),
                Bad(
                    name: "an offerset of nobody", type: "srcnet.offerset.get.v1", key: "global-execution",
                    body: #"{"uuid": "\#(nobody)"}"#, slug: "not-found"),
                Bad(
                    name: "an empty submission", type: "srcnet.workstep.submit.v1", key: "global-execution", body: "{}",
                    slug: "invalid", pointer: "/workstep"),
                Bad(
                    name: "a deadline long gone", type: "srcnet.workstep.submit.v1", key: "global-execution",
                    body: #"{"workstep": {"uuid": "\#(nobody)"}, "deadline": "2020-01-01T00:00:00Z"}"#, slug: "invalid",
                    pointer: "/deadline"),
                Bad(
                    name: "a callback in interactive mode", type: "srcnet.workstep.submit.v1", key: "global-execution",
                    body:
                        #"{"workstep": {"uuid": "\#(nobody)"}, "callback": {"type": "amqp", "address": "client.alice.1"}}"#,
                    slug: "invalid", pointer: "/callback"),
                Bad(
                    name: "a workstep of nobody", type: "srcnet.workstep.submit.v1", key: "global-execution",
                    body: #"{"workstep": {"uuid": "\#(nobody)"}}"#, slug: "not-found"),
                Bad(
                    name: "a claim from a stranger", type: "srcnet.offer.claim.v1", key: "global-execution",
                    body: #"{"offerset": "\#(nobody)", "offer": "\#(nobody)", "site": "ral", "claim": "\#(nobody)"}"#,
                    slug: "not-found"),
                Bad(
                    name: "a workstep of nobody", type: "srcnet.workstep.get.v1", key: "workstep-editor",
                    body: #"{"uuid": "\#(nobody)"}"#, slug: "not-found"),
                Bad(
                    name: "an unknown source", type: "srcnet.workstep.create.v1", key: "workstep-editor",
                    body: #"{"from": "nowhere"}"#, slug: "invalid", pointer: "/from"),
            ]

        @Test(arguments: all) func `a bad message gets its problem, and the worker goes on`(_ bad: Bad) async throws {
            let network = try await ScenarioNetwork.shared
            let before = try network.pid(of: bad.key)
            let answer = try await exchange(bad)
            #expect(answer.problem?.kind.rawValue == bad.slug, "\(answer.body.text)")
            if let pointer = bad.pointer {
                #expect(answer.problem?.errors.contains { $0.pointer == pointer } == true, "\(answer.body.text)")
            }
            let ping = Bad(name: "ping", type: "srcnet.participant.ping.v1", key: bad.key, body: "{}", slug: "")
            #expect(try await exchange(ping).type == "srcnet.participant.v1")
            #expect(try network.pid(of: bad.key) == before)
        }

        @Test func `a wrong message that asks for no answer rests in the parked queue with its reason`() async throws {
            let network = try await ScenarioNetwork.shared
            let id = UUID().uuidString
            try await withAMQPConnection(AMQPConfiguration(uri: network.uri(of: "alice"))) { connection in
                var properties = AMQPProperties()
                properties.type = Self.setPhase
                properties.messageID = id
                properties.userID = "alice"
                try await connection.publish(
                    AMQPMessage(
                        exchange: "commands", routingKey: Self.broker, properties: properties, body: Array("{".utf8),
                        isMandatory: true))
            }
            try await withAMQPConnection(AMQPConfiguration(uri: network.uri(of: "operator"))) { connection in
                var parked: AMQPDelivery?
                let came = await eventually {
                    guard let batch = try? await connection.get("\(Self.broker).parked") else { return false }
                    parked = batch.messages.first { $0.properties.messageID == id } ?? parked
                    batch.acknowledge()
                    return parked != nil
                }
                #expect(came)
                let headers = parked?.properties.headers ?? [:]
                guard case .string(let reason) = headers["reason"] else {
                    Issue.record("no reason in \(headers)")
                    return
                }
                #expect(reason.hasPrefix("malformed"))
                #expect(headers["original_exchange"] == .string("commands"))
                #expect(headers["original_key"] == .string(Self.broker))
                #expect(headers["asker"] == .string("alice"))
                #expect(parked?.body == Array("{".utf8))
            }
        }

        /// Sends a message as it stands and waits for what is answered.
        private func exchange(_ bad: Bad) async throws -> ReceivedMessage {
            let network = try await ScenarioNetwork.shared
            return try await withAMQPConnection(AMQPConfiguration(uri: network.uri(of: "alice"))) { connection in
                let queue = "client.alice.\(UUID().uuidString)"
                let consumer = try await connection.consume(
                    queues: [queue], prefetch: 1,
                    declaring: [
                        .queue(AMQPQueue(name: queue, isDurable: false, isExclusive: true, isAutoDelete: true)),
                        .binding(AMQPBinding(queue: queue, exchange: "replies", routingKey: queue)),
                    ])
                var properties = AMQPProperties()
                properties.type = bad.type
                properties.messageID = bad.id
                properties.userID = "alice"
                properties.replyTo = queue
                properties.correlationID = "bad"
                properties.headers = bad.headers
                try await connection.publish(
                    AMQPMessage(
                        exchange: "commands", routingKey: bad.key, properties: properties, body: Array(bad.body.utf8),
                        isMandatory: true))
                let end = ContinuousClock.now + .seconds(20)
                while .now < end {
                    let batch = try await consumer.next(until: end)
                    let answer = batch.messages.first.map(ReceivedMessage.init)
                    batch.acknowledge()
                    if let answer { return answer }
                }
                throw ScenarioError("no answer to \(bad.name)")
            }
        }
    }
}
