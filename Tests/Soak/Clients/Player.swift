internal import HTTPClient
internal import MessageBus
internal import TestSupport
internal import Wire

/// A user with a plan for each round: sessions from offer to end in every way, and plain commands.
package struct Player: Sendable {
    private let client: SteadyClient
    /// Accepts at the same time what this one accepts.
    private let rival: SteadyClient
    /// May not submit.
    private let denied: SteadyClient
    private let recorder: Recorder
    private var random: SeededGenerator

    package init(_ client: SteadyClient, rival: SteadyClient, denied: SteadyClient, _ recorder: Recorder, seed: UInt64)
    {
        (self.client, self.rival, self.denied, self.recorder) = (client, rival, denied, recorder)
        random = SeededGenerator(seed: seed)
    }

    /// Plays rounds until the instant; the last one is played to its end.
    package mutating func play(until end: ContinuousClock.Instant) async {
        while ContinuousClock.now < end {
            switch random.next(below: 10) {
            case 0: _ = await denied.command(submitType, to: "global-execution", ["workstep": workstep()])
            case 1, 2, 3: await editWorksteps()
            default: await playSession()
            }
        }
    }

    private var submitType: String { "srcnet.workstep.submit.v1" }

    private mutating func workstep() -> JSON {
        Worksteps.notebook(
            data: random.next(below: 3) == 0 ? nil : Observation.name, cores: 1 + Int64(random.next(below: 2)),
            duration: random.next(below: 4) == 0 ? "PT6S" : "PT25S")
    }

    // MARK: Plain commands

    private mutating func createWorkstep() async -> String? {
        let outcome = await client.command(
            "srcnet.workstep.create.v1", to: "workstep-editor", ["from": "empty", "workstep": workstep()])
        guard case .done(let body) = outcome else { return nil }
        return body["uuid"]?.string
    }

    private mutating func editWorksteps() async {
        guard let uuid = await createWorkstep() else { return }
        for _ in 0..<random.next(below: 5) {
            let value = Worksteps.notebook(cores: 1 + Int64(random.next(below: 4)))["compute"] ?? [:]
            _ = await client.command(
                "srcnet.workstep.edit.v1", to: "workstep-editor",
                ["uuid": .string(uuid), "set": "compute", "value": value])
        }
    }

    // MARK: Sessions

    private mutating func submit() async -> [JSON] {
        let outcome: SteadyClient.Outcome
        if random.next(below: 2) == 0 {
            guard let uuid = await createWorkstep() else { return [] }
            outcome = await client.command(
                "srcnet.workstep.execute.v1", to: "workstep-editor", ["uuid": .string(uuid)])
        } else {
            outcome = await client.command(submitType, to: "global-execution", ["workstep": workstep()])
        }
        guard case .done(let offerset) = outcome else { return [] }
        return offerset["offers"]?.array ?? []
    }

    private mutating func playSession() async {
        let all = (await submit()).compactMap(Bid.init)
        // A later slot is waited for a little, not for minutes: the next round may find a free one.
        let soon = Timestamp.now() + .seconds(10)
        let bids = all.filter { $0.start <= soon }.shuffled(using: &random)
        var wins: [Bid] = []
        if let first = bids.first {
            // Two clients that want different offers of one set, where there are two: at different sites if possible.
            let other = bids.dropFirst().first { $0.site != first.site } ?? bids.dropFirst().first
            wins = await accept(first, and: random.next(below: 2) == 0 ? other : nil)
        }
        if let won = wins.last {
            await use(won)
        } else {
            for bid in all { _ = await set("REJECTED", bid) }
            try? await Task.sleep(for: .milliseconds(300))
        }
    }

    /// Accepts one offer, or two at once; gives those that were won.
    private mutating func accept(_ first: Bid, and second: Bid?) async -> [Bid] {
        let callbacks = [callback(of: client), callback(of: rival)]
        let player = self
        async let one = player.set("ACCEPTED", first, callback: callbacks[0])
        guard let second else { return await one ? [first] : [] }
        async let two = player.set("ACCEPTED", second, callback: callbacks[1], by: rival)
        return (await one ? [first] : []) + (await two ? [second] : [])
    }

    private mutating func callback(of client: SteadyClient) -> JSON {
        var callback: JSON = ["type": "amqp", "address": .string(client.address)]
        switch random.next(below: 3) {
        case 0: callback["criteria"] = ["phases": ["AVAILABLE"], "once": true]
        case 1: callback["content"] = ["session.phase"]
        default: break
        }
        return callback
    }

    /// What becomes of an accepted session.
    private mutating func use(_ bid: Bid) async {
        let way = random.next(below: 6)
        if way == 0 {
            try? await Task.sleep(for: .milliseconds(random.next(below: 1_500)))
        } else {
            _ = await reaches(["AVAILABLE"], bid)
            await open(bid)
            try? await Task.sleep(for: .milliseconds(200 + random.next(below: 2_000)))
        }
        switch way {
        // Its time may end it.
        case 1: break
        case 2, 3: _ = await set("RELEASING", bid)
        default: _ = await set("CANCELLED", bid)
        }
        if await !reaches([], bid) { _ = await set("CANCELLED", bid) }
    }

    /// Waits for one of these phases, or for the end. Whether it came.
    private func reaches(_ phases: Set<String>, _ bid: Bid) async -> Bool {
        let wanted = phases.union(["COMPLETED", "CANCELLED", "FAILED", "REJECTED", "EXPIRED"])
        return await eventually(within: .seconds(240)) {
            recorder.phase(of: bid.session).map(wanted.contains) ?? false
        }
    }

    /// Opens the link of a session that is usable, as its owner does in a browser.
    private func open(_ bid: Bid) async {
        let end = ContinuousClock.now + .seconds(10)
        var seen = "no answer"
        while ContinuousClock.now < end {
            let document = await client.query(
                "srcnet.session.get.v1", of: bid.broker, ["session": .string(bid.session)])
            guard case .done(let session) = document, session["phase"] == "AVAILABLE",
                let link = session["connectors"]?[0]?["location"]?.string
            else { return }
            do {
                let status = try await HTTPClient().get(link).status
                if status == 200 {
                    recorder.update { $0.opened += 1 }
                    return
                }
                seen = "HTTP status \(status)"
            } catch {
                seen = "\(error)"
            }
            // It may have ended in between: then it says so the next time.
            try? await Task.sleep(for: .milliseconds(300))
        }
        recorder.update { $0.unreachable.append("\(bid.session) is AVAILABLE and does not let its owner in: \(seen)") }
    }

    private func set(
        _ phase: String, _ bid: Bid, callback: JSON? = nil, by other: SteadyClient? = nil
    ) async -> Bool {
        var body: JSON = ["session": .string(bid.session), "phase": .string(phase)]
        body["callback"] = callback
        let outcome = await (other ?? client).command("srcnet.session.set-phase.v1", to: bid.broker, body)
        if case .done = outcome { return true }
        return false
    }

    /// An offer that somebody wants.
    private struct Bid: Sendable {
        let session: String
        let site: String
        /// When it can be used.
        let start: Timestamp
        var broker: String { "execution-broker.\(site)" }

        init?(_ offer: JSON) {
            let available = offer["schedule"]?["available"]?["start"]?.string
            guard let session = offer["meta"]?["uuid"]?.string, let site = offer["site"]?.string,
                let start = available.flatMap({ Timestamp(String($0.prefix { $0 != "/" })) })
            else { return nil }
            (self.session, self.site, self.start) = (session, site, start)
        }
    }
}

extension SeededGenerator {
    /// A whole number from 0 up to the limit, without it.
    mutating func next(below limit: Int) -> Int { Int.random(in: 0..<limit, using: &self) }
}
