import AMQP
import FoundationEssentials
import Testing
import Wire

@testable import Topology

@Suite struct DefinitionsTests {
    static let example = ["caen", "ral"].compactMap(SiteName.init)

    /// What `topology/definitions.json` holds: the network of two sites, its participants, and an operator, none of whom
    /// can log in.
    static var committed: JSON {
        let topology = Topology(sites: example)
        return topology.definitions(users: [.administrator(password: nil)] + topology.participantUsers())
    }

    static let file = URL(filePath: #filePath).deletingLastPathComponent().appending(
        path: "../../topology/definitions.json"
    )
    .standardized

    @Test func `the committed definitions are those that the code makes`() throws {
        let text = String(decoding: try Data(contentsOf: Self.file), as: UTF8.self)
        #expect(text == Self.committed.prettyText + "\n", "make it anew: execbus topology export --sites caen,ral")
    }

    @Test func `every work queue has its way in, its way back and a place to rest`() {
        let topology = Topology(sites: Self.example)
        let bindings = Set(topology.bindings.map { "\($0.exchange)/\($0.routingKey)>\($0.queue)" })
        for participant in topology.participants {
            for exchange in ["commands", "replies", "requeue"] {
                #expect(bindings.contains("\(exchange)/\(participant)>\(participant)"))
            }
            #expect(bindings.contains("parked/\(participant)>\(participant).parked"))
        }
        #expect(topology.participants.count == 3 + 2 * 5)
    }

    @Test func `offer requests reach every site, or one`() {
        let bindings = Topology(sites: Self.example).bindings.filter { $0.exchange == "offers" }
        #expect(
            Set(bindings.map { "\($0.routingKey)>\($0.queue)" }) == [
                "offer.request.any>execution-broker.caen.offers", "offer.request.caen>execution-broker.caen.offers",
                "offer.request.any>execution-broker.ral.offers", "offer.request.ral>execution-broker.ral.offers",
            ])
    }

    @Test func `what is bound is described, and named once`() {
        let topology = Topology(sites: Self.example)
        let queues = topology.queues.map(\.name)
        let exchanges = topology.exchanges.map(\.name)
        #expect(Set(queues).count == queues.count)
        for binding in topology.bindings {
            #expect(queues.contains(binding.queue))
            #expect(exchanges.contains(binding.exchange))
        }
        for queue in topology.queues {
            if let target = queue.arguments["x-dead-letter-exchange"]?.string { #expect(exchanges.contains(target)) }
        }
    }

    @Test func `a site named twice is one site`() {
        #expect(Topology(sites: Self.example + Self.example) == Topology(sites: Self.example))
    }

    @Test func `a password is kept as RabbitMQ's documentation says`() {
        // The example of rabbitmq.com/docs/passwords: salt 908D C60A, password test12.
        let hash = PasswordHash("test12", salt: [0x90, 0x8D, 0xC6, 0x0A])
        #expect(hash.description == "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR")
        #expect(PasswordHash("a") != PasswordHash("a"))
    }

    @Test func `a user cannot take a participant's name`() {
        #expect(BrokerUser.outside("permissions", .submitter, password: nil) == nil)
        #expect(BrokerUser.outside("execution-broker.ral", .submitter, password: nil) == nil)
        #expect(BrokerUser.outside("a.b", .reader, password: nil) == nil)
        #expect(BrokerUser.outside("", .reader, password: nil) == nil)
        #expect(BrokerUser.outside("anna", .reader, password: nil) != nil)
    }

    @Test func `an export is compared entry by entry`() throws {
        let topology = Topology(sites: Self.example)
        let users = topology.participantUsers()
        #expect(topology.compare(with: topology.definitions(users: users), users: users).isEmpty)
        var export = topology.definitions(users: users)
        let queues = (export["queues"]?.array ?? []).filter { $0["name"] != "history" }
        export["queues"] = .array(
            queues.map { queue in
                var queue = queue
                if queue["name"] == "retry.1s" {
                    var arguments = queue["arguments"] ?? [:]
                    arguments["x-message-ttl"] = 5
                    queue["arguments"] = arguments
                }
                return queue
            } + [
                ["name": "stray", "vhost": "execbus", "durable": true, "auto_delete": false, "arguments": [:]],
                ["name": "client.a.b", "vhost": "execbus", "durable": true, "auto_delete": false, "arguments": [:]],
                ["name": "other", "vhost": "elsewhere", "durable": true, "auto_delete": false, "arguments": [:]],
            ])
        export["bindings"] = .array((export["bindings"]?.array ?? []).filter { $0["source"] != "unrouted" })
        let findings = topology.compare(with: export, users: users).map(\.description)
        #expect(findings.count == 4)
        #expect(findings.contains("queue history is missing: run execbus topology apply"))
        #expect(findings.contains { $0.hasPrefix("queue retry.1s has other arguments (arguments is {") })
        #expect(findings.contains { $0.hasPrefix("queue stray is not described") })
        #expect(findings.contains { $0.hasPrefix("binding unrouted -> unrouted.parked by key \"\" is missing") })
    }
}
