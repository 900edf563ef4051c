import ExecutionModel
import MessageBus
import Testing
import Wire

@testable import ExecutionBroker

@Suite struct ExecutionBrokerHistoryTests {
    @Test func `a session goes all the way from the request for offers to COMPLETED`() async throws {
        let site = try BrokerSite()
        let session = try await site.offer(
            BrokerSite.parts(volumes: [
                [
                    "kind": "x/simple-volume-mount.yaml", "path": "/data/cube", "mode": "READONLY", "resource": "cube",
                ]
            ]))
        let accepted = try await site.accept(session)
        #expect(try accepted.reply().json["phase"] == "ACCEPTED")
        #expect(try accepted.reply().key == "client.ada.1")
        for role in TaskRole.parallel { #expect(try site.start(role).json["session"] == .string(session)) }
        #expect(try site.start(.harbor).json["image"]?["digest"] == .string(BrokerSite.digest))
        #expect(!accepted.messages.contains { $0.type == "srcnet.session.start.v1" })
        try await site.complete(.harbor)
        try await site.complete(.prepareData)
        let last = try await site.complete(.cavern)
        let start = try #require(last.messages(of: "srcnet.session.start.v1").first)
        #expect(start.key == "canfar.ral")
        #expect(start.json["image"]?["digest"] == .string(BrokerSite.digest))
        #expect(start.json["volumes"]?[0]?["source"] == "data/hcn-cube")
        try await site.complete(.canfar)
        let document = try await site.get(session)
        #expect(document["connectors"]?[0]?["location"] == "http://127.0.0.1:8888/?token=secret")

        let released = try await site.set("RELEASING", session)
        #expect(try released.reply().json["phase"] == "RELEASING")
        #expect(site.releases.map(\.key) == ["canfar.ral"])
        try await site.releaseAll()
        let last4 = site.sent.filter { $0.type == "srcnet.task.release.v1" }
        #expect(last4.map(\.key) == ["canfar.ral", "cavern.ral", "harbor.ral", "prepare-data.ral"])
        #expect(last4[1].json["keep"] == true)
        #expect(site.published(session) == ["OFFERED", "ACCEPTED", "PREPARING", "AVAILABLE", "RELEASING", "COMPLETED"])
        try await site.expectAllFree()
    }
}
