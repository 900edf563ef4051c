import AMQP
import Testing
import Wire

@testable import Topology

/// What each user may do, by RabbitMQ's rule: a pattern is searched for in the name.
@Suite struct RightsTests {
    let topology = Topology(sites: ["caen", "ral"].compactMap(SiteName.init))

    private func rights(_ user: String) throws -> Rights {
        let outside = BrokerUser.Profile.allCases.compactMap { BrokerUser.outside($0.rawValue, $0, password: nil) }
        return try #require((topology.participantUsers() + outside).first { $0.name == user }).rights
    }

    private func matches(_ pattern: String, _ text: String) throws -> Bool {
        try Regex(pattern).firstMatch(in: text) != nil
    }

    private func mayPublish(_ user: String, _ exchange: String, _ key: String) throws -> Bool {
        let rights = try rights(user)
        guard try matches(rights.write, exchange) else { return false }
        guard let topic = rights.topics.first(where: { $0.exchange == exchange }) else { return true }
        return try matches(topic.write, key)
    }

    @Test(arguments: [
        ("global-execution", "commands", "execution-broker.ral"),
        ("global-execution", "commands", "permissions"),
        ("global-execution", "commands", "workstep-editor"),
        ("global-execution", "offers", "offer.request.any"),
        ("global-execution", "events", "offerset.global.created.1f"),
        ("global-execution", "callbacks", "client.anna.x"),
        ("workstep-editor", "commands", "global-execution"),
        ("workstep-editor", "events", "workstep.global.edited.1f"),
        ("execution-broker.ral", "commands", "canfar.ral"),
        ("execution-broker.ral", "commands", "global-execution"),
        ("execution-broker.ral", "events", "session.ral.available.1f"),
        ("execution-broker.ral", "events", "session.ral.ending.1f"),
        ("execution-broker.ral", "callbacks", "client.anna.x"),
        ("execution-broker.ral", "heartbeats", "ral.execution-broker.h-1"),
        ("execution-broker.ral", "replies", "client.anna.x"),
        ("harbor.caen", "events", "task.caen.harbor-running.1f"),
        ("harbor.caen", "replies", "execution-broker.caen"),
        ("harbor.caen", "retry", "harbor.caen"),
        ("permissions", "heartbeats", "global.permissions.h-1"),
        ("submitter", "commands", "global-execution"),
        ("submitter", "commands", "workstep-editor"),
        ("submitter", "commands", "execution-broker.ral"),
    ])
    func `what the contract has it send, it may send`(user: String, exchange: String, key: String) throws {
        #expect(try mayPublish(user, exchange, key))
    }

    @Test(arguments: [
        // Another site, another participant, another entity.
        ("execution-broker.ral", "commands", "canfar.caen"),
        ("execution-broker.ral", "commands", "execution-broker.caen"),
        ("execution-broker.ral", "commands", "xcanfar.ral"),
        ("execution-broker.ral", "events", "session.caen.available.1f"),
        ("execution-broker.ral", "events", "task.ral.harbor-completed.1f"),
        ("execution-broker.ral", "events", "session.ral.available.1f.more"),
        ("execution-broker.ral", "callbacks", "execution-broker.caen"),
        ("execution-broker.ral", "offers", "offer.request.any"),
        ("execution-broker.ral", "heartbeats", "caen.execution-broker.h-1"),
        ("harbor.caen", "events", "task.caen.cavern-completed.1f"),
        ("harbor.caen", "commands", "execution-broker.caen"),
        ("permissions", "commands", "global-execution"),
        ("permissions", "events", "session.ral.available.1f"),
        ("global-execution", "commands", "canfar.ral"),
        ("global-execution", "events", "session.ral.available.1f"),
        // From outside.
        ("submitter", "commands", "permissions"),
        ("submitter", "commands", "canfar.ral"),
        ("submitter", "replies", "client.submitter.x"),
        ("submitter", "events", "session.ral.available.1f"),
        ("submitter", "offers", "offer.request.any"),
        ("submitter", "heartbeats", "ral.execution-broker.h-1"),
        ("submitter", "parked", "global-execution"),
        ("reader", "commands", "global-execution"),
        ("reader", "replies", "client.reader.x"),
    ])
    func `anything else it may not`(user: String, exchange: String, key: String) throws {
        #expect(try !mayPublish(user, exchange, key))
    }

    @Test func `a user makes, reads and binds queues under its own name only`() throws {
        for user in ["submitter", "reader"] {
            let rights = try rights(user)
            for pattern in [rights.configure, rights.write, rights.read] {
                #expect(try matches(pattern, "client.\(user).a-1"))
                #expect(try !matches(pattern, "client.other.a-1"))
                #expect(try !matches(pattern, "client.\(user)"))
                #expect(try !matches(pattern, "client.\(user)x.a"))
                #expect(try !matches(pattern, "my.client.\(user).a"))
            }
            #expect(try matches(rights.read, "events"))
            #expect(try matches(rights.read, "history"))
            #expect(try !matches(rights.read, "global-execution"))
            #expect(try !matches(rights.read, "commands"))
            #expect(try !matches(rights.configure, "events"))
        }
    }

    @Test func `the answers and callbacks of others cannot be bound`() throws {
        let rights = try rights("submitter")
        for exchange in ["replies", "callbacks"] {
            let topic = try #require(rights.topics.first { $0.exchange == exchange })
            #expect(try matches(topic.read, "client.submitter.a"))
            #expect(try matches(topic.read, "client.submitter.#"))
            for key in ["#", "client.#", "client.*.a", "client.other.a", "global-execution", "*.submitter.#"] {
                #expect(try !matches(topic.read, key))
            }
        }
        #expect(try !matches(try self.rights("reader").read, "replies"))
    }

    @Test func `no participant makes anything, and each reads its own queues only`() throws {
        for participant in topology.participants {
            let rights = try rights(participant.description)
            #expect(try !matches(rights.configure, participant.description))
            for queue in topology.queues {
                #expect(try matches(rights.read, queue.name) == participant.queues.contains(queue.name))
            }
        }
    }
}
