public import Wire

/// The body of `srcnet.offer.response.v1`: one site's offers, or NO with the reasons.
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

    /// The answer that a broker gives.
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

    /// Reads a body; what is missing or wrong is `invalid`.
    public init(parsing json: JSON) throws(Problem) {
        let reader = JSONReader(json)
        let meta = reader.object("meta", required: true)
        let offerset = meta?.identifier("uuid", of: OfferSetID.self, required: true)
        let created = meta?.timestamp("created", required: true)
        let messages = meta?.array("messages")?.map(\.json) ?? []
        let site = reader.site("site", required: true)
        let offers = reader.array("offers", required: true) ?? []
        for offer in offers { _ = offer.object("meta", required: true)?.uuid("uuid", required: true) }
        try reader.finish()
        guard let offerset, let created, let site else { throw Problem(.invalid, "This is no answer of a site") }
        self.init(
            offerset: offerset, site: site, created: created, offers: offers.map(\.json), messages: messages)
    }
}
