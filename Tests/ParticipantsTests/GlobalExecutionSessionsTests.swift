import GlobalExecution
import MessageBus
import Testing
import Wire

@Suite struct SessionDirectoryTests {
    private let network = GlobalNetwork(sites: ["site-a"])

    private func offerset(_ offers: [String]) async throws -> String {
        let id = try #require(try await network.gather().correlationID)
        _ = try await network.respond(id, "site-a", offers.map { network.offer($0, site: "site-a") })
        return id
    }

    private func list(_ body: JSON = [:], from sender: String = "ada") async throws -> JSON {
        let reply = try await network.ask("srcnet.session.list.v1", body, from: sender).reply()
        #expect(reply.type == "srcnet.sessions.v1")
        return reply.json
    }

    @Test func `the directory follows the events of each session`() async throws {
        let id = try await offerset([uuid(1)])
        for (index, phase) in ["OFFERED", "ACCEPTED", "PREPARING", "AVAILABLE"].enumerated() {
            _ = try await network.event(phase, uuid(1), of: id, at: "site-a", sequence: Int64(index + 1))
        }
        let entry = try #require(try await list()["sessions"]?[0])
        #expect(entry["session"] == .string(uuid(1)))
        #expect(entry["site"] == "site-a")
        #expect(entry["offerset"] == .string(id))
        #expect(entry["phase"] == "AVAILABLE")
        #expect(entry["status"] == "available")
        _ = try await network.event("PREPARING", uuid(1), of: id, at: "site-a", sequence: 3)
        #expect(try await list()["sessions"]?[0]?["phase"] == "AVAILABLE", "an older event that comes late")
        _ = try await network.event("AVAILABLE", uuid(1), of: id, at: "site-a", sequence: 9, word: "ending")
        #expect(try await list()["sessions"]?[0]?["sequence"] == 4, "a warning is no phase")
    }

    @Test func `an offerset that is read later says what has become of its offers`() async throws {
        let id = try await offerset([uuid(1), uuid(2)])
        _ = try await network.event("OFFERED", uuid(1), of: id, at: "site-a")
        _ = try await network.event("EXPIRED", uuid(2), of: id, at: "site-a", sequence: 2)
        let offers = try await network.ask("srcnet.offerset.get.v1", ["uuid": .string(id)]).reply().json["offers"]
        #expect(offers?[0]?["phase"] == "OFFERED")
        #expect(offers?[0]?["expires"] != nil)
        #expect(offers?[1]?["phase"] == "EXPIRED")
        #expect(offers?[1]?["expires"] == nil)
        #expect(offers?[1]?["meta"]?["options"] == nil)
    }

    @Test func `lists hold one's own sessions, page by page, of one phase where that is asked`() async throws {
        let ids = (1...5).map { uuid($0) }
        let id = try await offerset(ids)
        for session in ids { _ = try await network.event("OFFERED", session, of: id, at: "site-a") }
        for session in [ids[1], ids[3]] {
            _ = try await network.event("EXPIRED", session, of: id, at: "site-a", sequence: 2)
        }
        func sessions(_ page: JSON) -> [String] { (page["sessions"]?.array ?? []).compactMap { $0["session"]?.string } }
        let first = try await list(["limit": 2])
        #expect(sessions(first) == [ids[0], ids[1]])
        #expect(first["next"] == .string(ids[1]))
        let second = try await list(["limit": 2, "after": .string(ids[1])])
        let third = try await list(["limit": 2, "after": .string(ids[3])])
        #expect(sessions(second) == [ids[2], ids[3]])
        #expect(sessions(third) == [ids[4]])
        #expect(third["next"] == nil)
        #expect(sessions(try await list(["phase": "EXPIRED"])) == [ids[1], ids[3]])
        let one = try await list(["phase": "EXPIRED", "limit": 1])
        #expect(one["next"] == .string(ids[1]))
        #expect(try await list(from: "ben") == ["sessions": []])
    }

    @Test func `what is wrong with a list is invalid`() async throws {
        let effects = try await network.ask("srcnet.session.list.v1", ["phase": "ASLEEP", "limit": 1_001, "after": 1])
        #expect(Set(try effects.faults()) == ["/phase", "/limit", "/after"])
    }

    @Test func `events that are wrong are parked, and those of an unknown offerset tell nothing`() async throws {
        let id = try await offerset([uuid(1)])
        let forged = try await network.event("OFFERED", uuid(1), of: id, at: "site-a", from: "execution-broker.site-b")
        #expect(try forged.parkedReason().hasPrefix("not-authorised"))
        let phase = try await network.event("ASLEEP", uuid(1), of: id, at: "site-a")
        #expect(try phase.parkedReason().hasPrefix("invalid: /phase"))
        let key = try await network.harness.send(
            "srcnet.event.session.v1", [:], from: "execution-broker.site-a", key: "session.nowhere", replyTo: nil)
        #expect(try key.parkedReason().hasPrefix("invalid"))
        #expect(try await network.event("OFFERED", uuid(1), of: uuid(9), at: "site-a").messages.isEmpty)
        #expect(try await list() == ["sessions": []])
    }
}
