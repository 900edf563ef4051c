import ExecutionModel
import MessageBus
import Store
import Testing
import Wire

@testable import ExecutionBroker

/// Histories that nobody thought of: neighbours that answer, refuse, fail, are away or repeat themselves in any order.
@Suite struct ExecutionBrokerGeneratedTests {
    @Test(arguments: 1...60)
    func `whatever happens, nothing is held in the end and nothing is started twice`(seed: UInt64) async throws {
        var random = BrokerDice(state: seed)
        let site = try BrokerSite(cores: 3, memory: 8)
        var sessions: [String] = []
        for _ in 0..<3 { sessions += try await site.makeOffers().compactMap { $0["meta"]?["uuid"]?.string } }
        for _ in 0..<60 {
            let session = try #require(sessions.randomElement(using: &random))
            switch random.next() % 12 {
            case 0...1: try await site.set("ACCEPTED", session)
            case 2:
                try await site.set(["CANCELLED", "RELEASING", "REJECTED"].randomElement(using: &random) ?? "", session)
            case 3: try await site.advance(.seconds(Int64(random.next() % 40)))
            case 4: try await site.restart()
            default: try await site.react(&random)
            }
        }
        for session in sessions { try await site.set("CANCELLED", session) }
        for _ in 0..<100 where site.harness.participant.ledger.capacity.count > 0 {
            try await site.releaseAll()
            try await site.advance(.seconds(31))
        }
        try await site.expectAllFree()
        let tasks = site.sent.filter { BrokerSite.startTypes.values.contains($0.type) }.map { $0.json["task"] }
        #expect(Set(tasks).count == tasks.count)
        for session in sessions {
            let phases = site.published(session).compactMap(Phase.init)
            #expect(zip(phases, phases.dropFirst()).allSatisfy { $0.canBecome($1, by: .broker) })
            #expect(phases.last?.isTerminal == true)
            let numbers = site.sent.filter { $0.exchange == .events && $0.subject == session }.compactMap(\.sequence)
            #expect(numbers == numbers.indices.map { Int64($0) + 1 })
        }
        try await expectClaimsSettled(site, sessions)
    }

    /// Each claim has won, was lost to a sibling, or was taken back; the one that has won was not.
    private func expectClaimsSettled(_ site: BrokerSite, _ sessions: [String]) async throws {
        func claims(_ type: String) -> Set<String> {
            Set(site.sent.filter { $0.type == type }.compactMap { $0.json["claim"]?.string })
        }
        let stored = try await site.harness.store.transact { transaction in
            try transaction.states(ofKind: StoredSession.kind, group: nil, after: nil, limit: .max)
                .map { try decodeState(StoredSession.self, $0).session }
        }
        let won = Set(stored.compactMap { $0.claim?.description })
        let ended = claims("srcnet.offer.unclaim.v1")
        #expect(claims("srcnet.offer.claim.v1") == ended.union(won).union(site.takenClaims))
        #expect(won.isDisjoint(with: ended))
    }
}

/// The generator of Steele, Lea and Flood (OOPSLA 2014): small, and the same on every machine.
struct BrokerDice: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

extension BrokerSite {
    /// A neighbour reacts to one of the questions that it got, old ones among them.
    func react(_ random: inout BrokerDice) async throws {
        guard let question = sent.filter({ $0.exchange == .commands }).suffix(12).randomElement(using: &random) else {
            return
        }
        let isGood = random.next() % 5 != 0
        switch question.type {
        case "srcnet.permission.check.v1":
            try await answer(question, "srcnet.permission.v1", ["authorised": .bool(isGood)])
        case "srcnet.offer.claim.v1" where isGood:
            var body = question.json
            body["claimed"] = true
            try await answer(question, "srcnet.offer.claimed.v1", body)
        case "srcnet.offer.claim.v1":
            takenClaims.insert(question.json["claim"]?.string ?? "")
            try await refuse(question, Problem(.offerTaken, "taken"))
        case "srcnet.task.release.v1" where isGood: try await confirm(question)
        case "srcnet.task.release.v1": try await giveBack(question)
        case "srcnet.offer.unclaim.v1": try await giveBack(question)
        default: try await reactToStart(question, isGood, &random)
        }
    }

    private func reactToStart(_ question: Outgoing, _ isGood: Bool, _ random: inout BrokerDice) async throws {
        guard let role = Self.startTypes.first(where: { $0.value == question.type })?.key else { return }
        if !isGood, random.next() % 2 == 0 {
            try await giveBack(question)
            return
        }
        let body = JSON.object(compacting: [
            "task": question.json["task"], "status": isGood ? "completed" : "failed",
            "result": isGood ? Self.result(of: role) : nil, "reason": isGood ? nil : "disk",
        ])
        try await answer(question, "srcnet.task.done.v1", body)
        if role == .canfar, random.next() % 3 == 0 {
            var ended = body
            ended["ended"] = ["reason": "closed", "failed": false]
            try await answer(question, "srcnet.task.ended.v1", ended)
        }
    }
}
