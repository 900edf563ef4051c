internal import ExecutionModel
internal import Wire

/// What `prepare-data` and `harbor` said of a request: why it cannot be done here, or what it takes.
struct SiteNeed {
    /// Why there can be no offer: all reasons.
    private(set) var refusals: [Notice] = []
    /// How long it takes until the session can be used; nil where there are refusals.
    private(set) var estimate: PreparationEstimate?
    /// The request with its image pinned; nil where there are refusals.
    private(set) var pinned: OfferRequest?

    private let site: SiteName
    private let now: Timestamp

    init(_ pending: PendingOffer, _ request: OfferRequest, pace: Pace, site: SiteName, at now: Timestamp) {
        self.site = site
        self.now = now
        let image = readImage(pending, request)
        let data = pending.needsData ? readData(pending, request) : []
        guard refusals.isEmpty, let image, let data else { return }
        estimate = PreparationEstimate(
            image: image.item, data: data, storage: pace.storage ?? .zero, compute: pace.compute ?? .zero)
        pinned = request.pinning(pending.asked, to: image.digest)
    }

    // MARK: Image

    private mutating func readImage(
        _ pending: PendingOffer, _ request: OfferRequest
    ) -> (item: PreparationEstimate.Item, digest: String)? {
        let path = "executable.image"
        guard let json = answer(pending.image, of: .harbor, path: path), let image = try? ImageDocument(json) else {
            return nil
        }
        if let digest = pending.asked.digest, digest != image.digest {
            refuse(
                .imageDigestMismatch, "The image has the digest {has}, not {wanted}",
                ["has": image.digest, "wanted": digest], path: "executable.image.digest")
        }
        let wanted = request.request.executable.kind.rawValue
        if let kind = image.kind, kind != wanted {
            refuse(.notSupported, "The image runs {has}, not {wanted}", ["has": kind, "wanted": wanted], path: path)
        }
        let seconds = image.seconds ?? image.bytesPerSecond.map { Double(image.size) / Double(max(1, $0)) } ?? 0
        let item = PreparationEstimate.Item(
            bytes: image.size, isLocal: image.present, source: "registry", duration: .limited(seconds))
        return (item, image.digest)
    }

    // MARK: Data

    /// What each of the data takes, in their order; nil where that is not known of all.
    private mutating func readData(_ pending: PendingOffer, _ request: OfferRequest) -> [PreparationEstimate.Item]? {
        guard let json = answer(pending.data, of: .prepareData, path: "data"), let replicas = try? Replicas(json) else {
            return nil
        }
        let known = Dictionary(
            replicas.replicas.map { ($0.did.description, $0) }, uniquingKeysWith: { first, _ in first })
        var items: [PreparationEstimate.Item] = []
        for (index, resource) in request.request.data.enumerated() {
            guard let did = resource.source.did else { continue }
            let (path, values) = ("data[\(index)]", ["did": did.description])
            guard let entry = known[did.description] else {
                refuse(.resourceNotFound, "No catalogue knows the data {did}", values, path: path)
                continue
            }
            guard entry.local || entry.seconds != nil else {
                refuse(.unavailable, "No storage that has {did} can be reached from here", values, path: path)
                continue
            }
            items.append(
                .init(
                    bytes: entry.bytes, isLocal: entry.local, source: entry.rses.first,
                    duration: .limited(entry.seconds ?? 0)))
        }
        return items.count == request.request.data.count ? items : nil
    }

    // MARK: Reasons

    /// What a participant answered; its problem and its silence are reasons.
    private mutating func answer(_ reply: PendingOffer.Reply?, of name: ParticipantName, path: String) -> JSON? {
        let who = ["participant": name.address(at: site)]
        switch reply {
        case .answered(let json): return json
        case .problem(let json):
            let problem = Problem(json)
            let kind: NoticeKind =
                switch problem.kind {
                case .notFound: .resourceNotFound
                case .invalid: .invalidValue
                default: .unavailable
                }
            refuse(kind, "{participant}: {problem}", who.merging(["problem": problem.detail]) { $1 }, path: path)
        case nil: refuse(.unavailable, "{participant} did not answer in time", who, path: path)
        }
        return nil
    }

    private mutating func refuse(
        _ kind: NoticeKind, _ template: String, _ values: [String: String], path: String
    ) {
        refusals.append(Notice(kind, template, values: values, path: path, at: now))
    }
}

extension Duration {
    /// So many seconds, and not more than 30 years: what a peer says is never a reason to overflow.
    fileprivate static func limited(_ seconds: Double) -> Duration {
        .microseconds(Int64((min(max(0, seconds), 1e9) * 1e6).rounded()))
    }
}
