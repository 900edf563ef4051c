package import Wire

/// Which sites there are to be asked: those of the configuration, and those whose broker was heard lately.
package struct Sites: Sendable {
    private let configured: Set<SiteName>
    private let patience: Duration
    /// When the broker of a site was heard last.
    private var heard: [SiteName: Timestamp] = [:]

    package init(configured: [SiteName], patience: Duration) {
        self.configured = Set(configured)
        self.patience = patience
    }

    /// Takes sites for heard, as after a restart: until they had time to be heard again they are known.
    package mutating func restore(_ sites: [SiteName], at now: Timestamp) {
        heard = Dictionary(sites.map { ($0, now) }, uniquingKeysWith: { first, _ in first })
    }

    /// A broker gave a sign of life. True where its site was not known to be alive.
    package mutating func hear(_ site: SiteName, at now: Timestamp) -> Bool {
        heard.updateValue(now, forKey: site) == nil
    }

    /// Forgets the sites that were not heard for too long, and tells which.
    package mutating func forgetSilent(at now: Timestamp) -> [SiteName] {
        let silent = heard.filter { now - $0.value > patience }.keys
        for site in silent { heard[site] = nil }
        return silent.sorted()
    }

    /// The sites to be asked, in order of their names.
    package func known(at now: Timestamp) -> [SiteName] {
        configured.union(heard.filter { now - $0.value <= patience }.keys).sorted()
    }
}

/// That a site's broker was heard, as it is stored: written when a site comes and goes, not with each sign of life.
struct HeardSite: Codable {
    static let kind = "site"
    let since: Timestamp
}
