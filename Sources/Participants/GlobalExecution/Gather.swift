package import ExecutionModel
package import MessageBus
package import Wire

/// An offerset from the request for offers on: who is asked, who has answered, what is offered, and which offer has won.
///
/// What the sites wrote is stored beside it, one state for each site, so that an answer of one does not write those of
/// all again.
package struct Gather: Sendable, Hashable, Codable {
    static let kind = "offerset"

    /// An offer that it lists, and the site that makes it.
    package struct Listed: Sendable, Hashable, Codable {
        package let offer: SessionID
        package let site: SiteName
    }

    package let uuid: OfferSetID
    package let owner: Caller
    package let workstep: WorkstepReference?
    package let created: Timestamp
    package let deadline: Timestamp
    /// The submission, which is answered when the gather ends.
    let request: Request
    /// The sites that are asked, in order of their names.
    package private(set) var asked: [SiteName]
    package private(set) var answered: Set<SiteName> = []
    package private(set) var listed: [Listed] = []
    /// When the gather ended.
    package private(set) var completed: Timestamp?
    package var claims = Claims()

    init(_ submission: PendingSubmission, asked: [SiteName], at now: Timestamp) {
        uuid = submission.offerset
        owner = submission.owner
        workstep = submission.workstep
        created = now
        deadline = submission.deadline
        request = submission.request
        self.asked = asked
    }

    /// The sites that did not answer (yet).
    package var silent: [SiteName] { asked.filter { !answered.contains($0) } }

    /// Whether all have answered.
    package var isAnswered: Bool { silent.isEmpty }

    /// Which site makes an offer that it lists.
    package func site(of offer: SessionID) -> SiteName? { listed.first { $0.offer == offer }?.site }

    /// Takes a site's answer.
    /// - Returns: whether it counts, which only the first one does that comes before the end of the gather; and the offers
    ///   that are not listed, since they come too late for whoever asked.
    mutating func take(_ response: SiteAnswer) -> (counts: Bool, late: [Listed]) {
        let new = response.offers.compactMap(Offer.id).filter { site(of: $0) == nil }
            .map { Listed(offer: $0, site: response.site) }
        guard completed == nil, !answered.contains(response.site) else { return (false, new) }
        if !asked.contains(response.site) { asked = (asked + [response.site]).sorted() }
        answered.insert(response.site)
        if claims.accepted != nil { return (true, new) }
        for offer in new where site(of: offer.offer) == nil { listed.append(offer) }
        return (true, [])
    }

    /// Ends the gather with the offers that are shown; gives those that are not, which nobody can accept.
    mutating func complete(showing shown: Set<SessionID>, at now: Timestamp) -> [Listed] {
        completed = now
        let kept = claims.winner.map { shown.union([$0]) } ?? shown
        let dropped = listed.filter { !kept.contains($0.offer) }
        listed.removeAll { !kept.contains($0.offer) }
        return dropped
    }

    /// The offers that are to be rejected now that one is accepted. Those of its own site its broker has rejected.
    func siblings(of winner: SessionID) -> [Listed] {
        let own = site(of: winner)
        return listed.filter { $0.offer != winner && $0.site != own }
    }

    /// What states of one owner are listed by.
    static func group(of owner: Caller) -> String { "\(owner.iss) \(owner.sub)" }
}
