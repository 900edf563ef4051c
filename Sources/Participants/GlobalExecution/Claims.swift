package import ExecutionModel

/// Which offer of an offerset has won (contract.md, "Accepting, in this order").
///
/// The first claim wins for all sites, and no lapse of time ends it. A broker whose acceptance comes to nothing unclaims
/// each claim that it made, so the set is free again when no claim of the winner is left. Claims of one offer stand side
/// by side rather than one for another: however late and in whatever order they arrive, ending one that was given up
/// never takes away the one that an acceptance was committed on.
package struct Claims: Sendable, Hashable, Codable {
    package enum Answer: Sendable, Hashable {
        case claimed
        /// Another offer of the set was first.
        case taken(by: SessionID)
        /// This claim was unclaimed before it arrived.
        case ended
    }

    /// The offer that was first, while a claim of it lives.
    private var holder: SessionID?
    /// The claims of it.
    private var living: Set<ClaimID> = []
    /// Claims that were ended. None of them comes to life again.
    private var ended: Set<ClaimID> = []
    /// The offer that was accepted in the end, as its broker tells. Nothing changes that.
    package private(set) var accepted: SessionID?

    package init() {}

    /// The offer that has won so far.
    package var winner: SessionID? { accepted ?? holder }

    /// A broker is about to accept an offer.
    package mutating func claim(_ offer: SessionID, _ claim: ClaimID) -> Answer {
        if ended.contains(claim) { return .ended }
        if let winner, winner != offer { return .taken(by: winner) }
        holder = offer
        living.insert(claim)
        return .claimed
    }

    /// A broker will not accept on a claim, which may not have arrived yet. False where it was ended before.
    package mutating func unclaim(_ claim: ClaimID) -> Bool {
        living.remove(claim)
        if living.isEmpty { holder = nil }
        return ended.insert(claim).inserted
    }

    /// A broker has accepted an offer. True the first time, where its siblings are to be rejected.
    package mutating func accept(_ offer: SessionID) -> Bool {
        guard accepted == nil, winner == nil || winner == offer else { return false }
        accepted = offer
        return true
    }
}
