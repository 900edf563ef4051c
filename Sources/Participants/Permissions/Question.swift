package import MessageBus
package import Wire

/// The body of `srcnet.permission.check.v1`: may this subject do this?
package struct Question: Sendable, Hashable {
    package var subject: Caller
    /// The type of the message that asks for it, without `srcnet.` and `.v1`, such as `workstep.submit`; or a word of the
    /// one who checks, such as `session.accept`.
    package var action: String
    /// What it would be done to, such as `interactive/jupyter-notebook`.
    package var resource: String
    /// Where; nil where that is not known yet.
    package var site: SiteName?

    package init(subject: Caller, action: String, resource: String, site: SiteName? = nil) {
        self.subject = subject
        self.action = action
        self.resource = resource
        self.site = site
    }

    /// Reads the body; all that is wrong is in one `invalid`.
    package init(parsing json: JSON) throws(Problem) {
        let reader = JSONReader(json)
        let subject = reader.object("subject", required: true)
        let iss = subject?.text("iss", required: true)
        let sub = subject?.text("sub", required: true)
        let groups = subject?.strings("groups") ?? []
        let action = reader.text("action", required: true)
        let resource = reader.text("resource", required: true)
        let site = reader.site("site")
        try reader.finish()
        guard let iss, let sub, let action, let resource else {
            throw Problem(.invalid, "This is no question about permissions")
        }
        self.init(subject: Caller(iss: iss, sub: sub, groups: groups), action: action, resource: resource, site: site)
    }

    /// The question in words, for reasons.
    var words: String {
        "\(subject.sub) to do \(action) to \(resource)" + (site.map { " at site \($0)" } ?? "")
    }
}
