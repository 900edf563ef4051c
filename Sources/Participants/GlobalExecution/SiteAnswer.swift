package import ExecutionModel
package import Wire

/// What is kept of one site's answer to a request for offers, read from the body of `srcnet.offer.response.v1`:
/// `{site, offerset, result, offers[], messages[]}`, or the form that `OfferResponse` writes.
package struct SiteAnswer: Sendable, Hashable, Codable {
    static let kind = "offers"

    package let site: SiteName
    package let offerset: OfferSetID
    /// The offers as the site wrote them, the best first.
    package internal(set) var offers: [JSON]
    /// Why it makes none.
    package let messages: [JSON]

    /// Reads the body; all that is wrong is in one `invalid`.
    package init(parsing json: JSON) throws(Problem) {
        let reader = JSONReader(json)
        let site = reader.site("site", required: true)
        // A site may write its answer in the form of an offerset, which has these two in `meta`.
        let meta = json["offerset"] == nil ? reader.object("meta") : nil
        let offerset =
            (meta.map { $0.identifier("uuid", of: OfferSetID.self, required: true) }
                ?? reader.identifier("offerset", of: OfferSetID.self, required: true))
        _ = reader.choice("result", Result.self, required: true)
        let offers = reader.array("offers") ?? []
        for offer in offers {
            _ = offer.object("meta", required: true)?.identifier("uuid", of: SessionID.self, required: true)
        }
        let messages = (json["messages"] == nil ? meta : reader)?.array("messages") ?? []
        try reader.finish()
        guard let site, let offerset else { throw Problem(.invalid, "This is no answer to a request for offers") }
        self.site = site
        self.offerset = offerset
        self.offers = offers.map(\.json)
        self.messages = messages.map(\.json)
    }

    /// A site that answered with a problem: it makes no offers.
    init(site: SiteName, offerset: OfferSetID, problem: Problem, at now: Timestamp) {
        self.site = site
        self.offerset = offerset
        offers = []
        messages = [
            Notice(
                .unavailable, "The site answered with a problem: {problem}", values: ["problem": problem.detail],
                level: .error, at: now
            ).json
        ]
    }

    /// Under which id it is stored.
    var id: String { "\(offerset)/\(site)" }

    /// An offerset's or a site's answer in one word.
    package enum Result: String, Sendable, CaseIterable {
        case yes = "YES"
        case no = "NO"
    }
}

/// What is read of an offer; the rest is for its owner.
enum Offer {
    static func id(_ offer: JSON) -> SessionID? { offer["meta"]?["uuid"]?.string.flatMap(SessionID.init) }

    /// When its session could be used: the first instant of `schedule.available.start`, an interval of ISO 8601.
    static func start(_ offer: JSON) -> Timestamp? {
        offer["schedule"]?["available"]?["start"]?.string
            .flatMap { $0.split(separator: "/").first }.flatMap { Timestamp(String($0)) }
    }
}
