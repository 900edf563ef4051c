import ExecutionModel
import GlobalExecution
import Testing

@Suite struct ClaimsTests {
    /// What happens to an offerset, in tables of tests.
    enum Step: Sendable {
        case claim(Int, Int, Claims.Answer)
        case unclaim(Int)
        case accept(Int, Bool)
    }

    @Test(
        arguments: [
            ("the first claim wins", [.claim(1, 1, .claimed), .claim(2, 2, .taken(by: offer(1)))]),
            ("the same claim twice is the same claim", [.claim(1, 1, .claimed), .claim(1, 1, .claimed)]),
            (
                "an unclaim frees the set",
                [.claim(1, 1, .claimed), .unclaim(1), .claim(2, 2, .claimed), .claim(1, 3, .taken(by: offer(2)))]
            ),
            (
                "an unclaim of another claim frees nothing",
                [.claim(1, 1, .claimed), .unclaim(9), .claim(2, 2, .taken(by: offer(1)))]
            ),
            (
                "an unclaim may arrive before its claim",
                [.unclaim(1), .claim(1, 1, .ended), .claim(2, 2, .claimed)]
            ),
            (
                "a claim that was ended does not come to life again",
                [.claim(1, 1, .claimed), .unclaim(1), .claim(1, 1, .ended), .claim(1, 2, .claimed)]
            ),
            (
                "the same offer may claim again, and the end of its first claim does not touch the second",
                [.claim(1, 1, .claimed), .claim(1, 2, .claimed), .unclaim(1), .claim(2, 3, .taken(by: offer(1)))]
            ),
            (
                "the set is free when each claim of the offer is ended",
                [.claim(1, 1, .claimed), .claim(1, 2, .claimed), .unclaim(2), .unclaim(1), .claim(2, 3, .claimed)]
            ),
            (
                "a claim that arrives after a later one of the same offer, and is ended, takes nothing away",
                [.claim(1, 2, .claimed), .claim(1, 1, .claimed), .unclaim(1), .claim(2, 3, .taken(by: offer(1)))]
            ),
            (
                "an acceptance is for ever",
                [
                    .claim(1, 1, .claimed), .accept(1, true), .accept(1, false), .unclaim(1),
                    .claim(2, 2, .taken(by: offer(1))), .claim(1, 3, .claimed), .accept(2, false),
                ]
            ),
            ("an acceptance that is heard of first wins", [.accept(1, true), .claim(2, 1, .taken(by: offer(1)))]),
            (
                "an acceptance against the claim of another is not believed",
                [.claim(1, 1, .claimed), .accept(2, false), .unclaim(1), .claim(2, 2, .claimed)]
            ),
        ] as [(String, [Step])])
    func `who wins is settled by claims`(what: String, steps: [Step]) {
        var claims = Claims()
        for (index, step) in steps.enumerated() {
            switch step {
            case .claim(let number, let id, let answer):
                #expect(claims.claim(offer(number), claimID(id)) == answer, "\(what), step \(index)")
            case .unclaim(let id): _ = claims.unclaim(claimID(id))
            case .accept(let number, let isFirst):
                #expect(claims.accept(offer(number)) == isFirst, "\(what), step \(index)")
            }
        }
    }

    @Test func `no history of claims, unclaims and lost patience makes two winners`() {
        var won = 0
        for seed in 0..<1_500 as Range<UInt64> {
            var history = History(seed: seed)
            history.play()
            #expect(history.winners.count <= 1, "seed \(seed): \(history.winners)")
            // Where everything was given up and every unclaim has arrived, the set is free.
            #expect(history.claims.winner == history.winners.first, "seed \(seed)")
            won += history.winners.count
        }
        #expect((150..<1_495).contains(won), "histories with a winner and without one: \(won) with one")
    }
}

/// Brokers of three sites that follow contract.md over a network that delivers late, twice and in any order.
private struct History {
    enum Letter {
        case claim(Int, Int)
        case unclaim(Int, Int)
        case answer(Int, Int, Claims.Answer)
        case accepted(Int)
    }

    var random: SplitMix
    var claims = Claims()
    /// The pending claim of each offer.
    var pending: [Int: Int] = [:]
    /// On which claim offers were accepted: a second copy of its answer is no reason to end it.
    var committed: [Int: Int] = [:]
    var winners: Set<SessionID> { Set(committed.keys.map(offer)) }
    var network: [Letter] = []
    var fresh = 0

    init(seed: UInt64) { random = SplitMix(state: seed) }

    mutating func play() {
        for _ in 0..<Int.random(in: 10..<60, using: &random) {
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<2: begin(Int.random(in: 1...3, using: &random))
            case 2..<6: giveUp(Int.random(in: 1...3, using: &random))
            default: deliver()
            }
        }
        for offer in 1...3 { giveUp(offer) }
        while !network.isEmpty { deliver() }
    }

    private mutating func begin(_ number: Int) {
        guard pending[number] == nil, committed[number] == nil else { return }
        fresh += 1
        pending[number] = fresh
        network.append(.claim(number, fresh))
    }

    private mutating func giveUp(_ number: Int) {
        guard let claim = pending.removeValue(forKey: number) else { return }
        network.append(.unclaim(number, claim))
    }

    private mutating func deliver() {
        guard let index = network.indices.randomElement(using: &random) else { return }
        let letter = network[index]
        // One in five is delivered once more later.
        if Int.random(in: 0..<5, using: &random) > 0 { network.remove(at: index) }
        switch letter {
        case .claim(let number, let claim):
            network.append(.answer(number, claim, claims.claim(offer(number), claimID(claim))))
        case .unclaim(_, let claim): _ = claims.unclaim(claimID(claim))
        case .accepted(let number): _ = claims.accept(offer(number))
        case .answer(let number, let claim, .claimed):
            if pending[number] == claim {
                pending[number] = nil
                committed[number] = claim
                network.append(.accepted(number))
            } else if committed[number] != claim {
                network.append(.unclaim(number, claim))
            }
        case .answer(let number, let claim, _):
            if pending[number] == claim { pending[number] = nil }
        }
    }
}

/// Random numbers that a seed determines.
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}

private func offer(_ number: Int) -> SessionID { id(number) }
private func claimID(_ number: Int) -> ClaimID { id(number + 1_000) }

private func id<Subject>(_ number: Int) -> Identifier<Subject> {
    guard let id = Identifier<Subject>(uuid(number)) else { preconditionFailure("uuid() makes UUIDs") }
    return id
}
