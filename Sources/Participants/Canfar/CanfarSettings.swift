package import Preparation
package import Wire

/// What `canfar` needs to know of its site.
package struct CanfarSettings: Sendable {
    package var site: SiteName
    /// Where the participants of the site keep what they make.
    package var state: String
    /// The site's own images, which `harbor` pulls.
    package var images: String
    /// How long a session may take until it answers, where its task has no deadline.
    package var patience = Duration.seconds(120)
    /// How long a session has to end by itself before it is killed.
    package var grace = Duration.seconds(5)

    package init(site: SiteName, state: String, images: String) {
        self.site = site
        self.state = state
        self.images = images
    }

    /// Reads `state` and `session` of the site's file; in `session`, `patience` and `grace` are durations as ISO 8601.
    package init(_ file: SiteFile) throws(Problem) {
        self.init(site: file.site, state: file.state, images: file.images)
        if let session = file.reader.object("session") {
            session.refuseMembers(except: ["patience", "grace"])
            patience = session.duration("patience") ?? patience
            grace = session.duration("grace") ?? grace
        }
        try file.reader.finish()
    }

    /// Where sessions are kept.
    var sessions: String { "\(state)/sessions" }
}
