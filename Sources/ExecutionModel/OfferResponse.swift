public import Wire

/// The body of `srcnet.offer.response.v1` as a broker writes it: its site's offers, or NO with the reasons.
public struct OfferResponse: Sendable, Hashable {
    public var offerset: OfferSetID
    public var site: SiteName
    public var created: Timestamp
    /// The offers' documents.
    public var offers: [JSON]
    /// Why there are none, or what should be known of them.
    public var messages: [JSON]

    public init(offerset: OfferSetID, site: SiteName, created: Timestamp, offers: [JSON], messages: [JSON]) {
        self.offerset = offerset
        self.site = site
        self.created = created
        self.offers = offers
        self.messages = messages
    }

    /// The answer to a request.
    public init(_ request: OfferRequest, at site: SiteName, now: Timestamp, offers: [Session], notices: [Notice]) {
        self.init(
            offerset: request.offerset, site: site, created: now, offers: offers.map { $0.document(for: .owner) },
            messages: notices.map(\.json))
    }

    public var json: JSON {
        [
            "kind": .string(Kinds.offerset),
            "meta": [
                "uuid": .string(offerset.description), "created": .string(created.description),
                "messages": .array(messages),
            ],
            "site": .string(site.description), "result": offers.isEmpty ? "NO" : "YES", "offers": .array(offers),
        ]
    }
}
