internal import ExecutionModel
internal import MessageBus
internal import Wire

/// An offerset as it is answered (`srcnet.offerset.v1`): the offers of all sites, the soonest first.
struct OfferSetDocument {
    /// An answer has to fit into a message; what else it says has room beside the offers.
    static let offersLimit = (1 << 20) - (1 << 17)

    let offerset: Gather
    /// In the order in which they are shown.
    private(set) var offers: [JSON]
    private let refused: [SiteAnswer]

    /// - Parameter responses: what the sites said, in any order.
    init(_ offerset: Gather, _ responses: [SiteAnswer]) {
        self.offerset = offerset
        let sorted = responses.sorted { $0.site < $1.site }
        refused = sorted.filter(\.offers.isEmpty)
        let own = Dictionary(offerset.listed.map { ($0.offer, $0.site) }, uniquingKeysWith: { first, _ in first })
        // The order is the same however the answers came: by start, then by site, then as the site has it.
        let entries = sorted.flatMap { response in
            response.offers.filter { Offer.id($0).flatMap { own[$0] } == response.site }
        }.map { (start: Offer.start($0) ?? Timestamp(microseconds: .max), offer: $0) }
        let ordered = entries.enumerated().sorted {
            ($0.element.start, $0.offset) < ($1.element.start, $1.offset)
        }
        offers = []
        var size = 0
        for offer in ordered.map(\.element.offer) {
            size += offer.bytes.count
            guard size <= Self.offersLimit else { break }
            offers.append(offer)
        }
    }

    /// The ids of what is shown.
    var shown: Set<SessionID> { Set(offers.compactMap(Offer.id)) }

    /// Says of each offer what has become of it since.
    mutating func update(_ entry: (SessionID) throws -> DirectoryEntry?) rethrows {
        for (index, offer) in offers.enumerated() {
            guard let id = Offer.id(offer), let entry = try entry(id), entry.phase.rank > Phase.offered.rank else {
                continue
            }
            var offer = offer
            offer["phase"] = .string(entry.phase.rawValue)
            offer["status"] = .string(entry.phase.status.rawValue)
            offer["expires"] = nil
            offer["meta"]?["options"] = nil
            offers[index] = offer
        }
    }

    /// The body of `srcnet.offerset.v1`.
    var json: JSON {
        let result: SiteAnswer.Result = offers.isEmpty ? .no : .yes
        let completed = offerset.completed
        return .object(compacting: [
            "kind": .string(Kinds.offerset),
            "meta": [
                "uuid": .string(offerset.uuid.description), "created": .string(offerset.created.description),
                "messages": .array(completed == nil || result == .yes ? [] : [notice.json]),
            ],
            "result": .string(result.rawValue),
            "status": .string(completed == nil ? "gathering" : "completed"),
            "description": completed == nil || result == .yes ? nil : .string(notice.text),
            "owner": offerset.ownerJSON, "workstep": offerset.workstep?.json,
            "deadline": .string(offerset.deadline.description),
            "completed": completed.map { .string($0.description) },
            "accepted": offerset.claims.accepted.map { .string($0.description) },
            "offers": .array(offers),
            "sites": [
                "asked": Gather.json(offerset.asked), "silent": Gather.json(offerset.silent),
                "refused": .array(
                    refused.map { ["site": .string($0.site.description), "messages": .array($0.messages)] }),
            ],
        ])
    }

    /// Why there are no offers.
    private var notice: Notice {
        let (asked, silent) = (offerset.asked, offerset.silent)
        let template =
            switch (asked.isEmpty, silent.count) {
            case (true, _): "No site is known to be asked"
            case (_, 0): "No site makes an offer: {asked} said no"
            case (_, asked.count): "No site answered in time: {silent}"
            default: "No site makes an offer: of {asked}, {silent} did not answer in time"
            }
        let kind = NoticeKind(rawValue: "urn:srcnet:reason:no-offer")
        return Notice(
            kind, template,
            values: [
                "asked": asked.map(\.description).joined(separator: ", "),
                "silent": silent.map(\.description).joined(separator: ", "),
            ], at: offerset.completed ?? offerset.created)
    }
}

extension Gather {
    static func json(_ sites: [SiteName]) -> JSON { .array(sites.map { .string($0.description) }) }

    var ownerJSON: JSON { ["iss": .string(owner.iss), "sub": .string(owner.sub)] }

    /// The body of `srcnet.event.offerset.v1`.
    func event(at now: Timestamp) -> JSON {
        .object(compacting: [
            "offerset": .string(uuid.description), "owner": ownerJSON, "time": .string(now.description),
            "sites": ["asked": Self.json(asked), "silent": completed == nil ? [] : Self.json(silent)],
            "result": completed.map { _ in
                .string((listed.isEmpty ? SiteAnswer.Result.no : .yes).rawValue)
            },
            "workstep": workstep?.json,
        ])
    }
}
