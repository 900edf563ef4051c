package import ExecutionModel
internal import OCI
package import Preparation
package import Wire

/// `harbor`: says which image a name means, and brings images to the site.
package enum Harbor: TaskKind {
    package typealias Command = PullImageCommand
    package typealias Query = ResolveQuery

    package static let participant = ParticipantName.harbor
    package static let work = "pull-image"

    /// The participant of a site and what performs its activities.
    package static func worker(
        _ settings: HarborSettings
    ) async throws -> (participant: TaskParticipant<Harbor>, performer: TaskPerformer<HarborWork>) {
        let store = try await ImageStore.open(at: settings.store)
        let work = try await HarborWork(
            registry: LayoutRegistry(path: settings.registry), store: store, retention: settings.retention)
        return (TaskParticipant(site: settings.site, retention: settings.retention), TaskPerformer(work))
    }
}

/// What `harbor` needs to know of its site.
package struct HarborSettings: Sendable {
    package var site: SiteName
    /// The layout that serves as registry.
    package var registry: String
    /// The site's own images.
    package var store: String
    /// How long an image that no session needs is kept.
    package var retention = Duration.seconds(7 * 86_400)

    package init(site: SiteName, registry: String, store: String) {
        self.site = site
        self.registry = registry
        self.store = store
    }

    /// Reads `registry`, `state` and `images` of the site's file; in `images`, `retention` is a duration as ISO 8601.
    package init(_ file: SiteFile) throws(Problem) {
        let registry = file.path("registry", required: true)
        self.init(site: file.site, registry: registry ?? "", store: file.images)
        if let images = file.reader.object("images") {
            images.refuseMembers(except: ["retention"])
            retention = images.duration("retention") ?? retention
            // A session that has just ended may still read of it.
            if retention < .seconds(3_600) { images.fault("retention", "is at least PT1H") }
        }
        try file.reader.finish()
    }
}
