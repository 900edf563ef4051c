internal import FoundationEssentials
package import Wire

/// The configuration of one site, `site.json`:
///
///     {
///       "site": "ral",
///       "state": "state",                          where the participants keep what they make
///       "capacity": {"cores": 8, "memory": 16},    for the broker; memory in GiB
///       "executables": {"jupyter-notebook": {"image": "srcnet/notebook:1"}},  what the broker offers to run
///       "storage": [{"rse": "RAL", "path": "…", "local": true}],
///       "catalogue": "catalogue.json",             which storage holds what
///       "home": "homes",                           the users' own folders
///       "registry": "registry",                    an OCI layout
///       "session": {…},
///       "images": {…}                              how long they are kept
///     }
///
/// Paths are relative to the file. A member that is unknown is an error, so that a misspelt one is not ignored.
package struct SiteFile {
    /// Every member there is; each participant reads its own.
    package static let members: Set<String> = [
        "site", "state", "capacity", "executables", "storage", "catalogue", "home", "registry", "session", "images",
    ]

    package let site: SiteName
    /// Reads members and collects faults.
    package let reader: JSONReader
    let folder: String

    /// Reads and checks what all participants need of it.
    /// - Parameter folder: what paths are relative to.
    package init(_ json: JSON, folder: String) throws(Problem) {
        reader = JSONReader(json)
        self.folder = folder
        reader.refuseMembers(except: SiteFile.members)
        let site = reader.site("site", required: true)
        _ = reader.text("state", required: true)
        try reader.finish()
        guard let site else { throw Problem(.invalid, "the site's name is missing") }
        self.site = site
    }

    /// Reads the file.
    package init(path: String) throws(Problem) {
        guard let bytes = try? Data(contentsOf: URL(filePath: path)) else {
            throw Problem(.invalid, "the site's configuration \(path) cannot be read")
        }
        let json: JSON
        do throws(JSONSyntaxError) {
            json = try JSON(parsing: Array(bytes))
        } catch {
            throw Problem(.invalid, "the site's configuration \(path) is not JSON: \(error)")
        }
        let absolute = path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
        try self.init(json, folder: absolute.split(separator: "/").dropLast().map { "/" + $0 }.joined())
    }

    /// Where the participants keep what they make.
    package var state: String { path(of: reader.text("state") ?? "state") }

    /// The path that a member gives.
    package func path(_ member: String, required: Bool = false) -> String? {
        reader.text(member, required: required).map(path(of:))
    }

    /// A path relative to the file as an absolute one.
    package func path(of text: String) -> String { text.hasPrefix("/") ? text : "\(folder)/\(text)" }
}

extension JSONReader {
    /// Notes each member that is none of these as a fault.
    package func refuseMembers(except known: Set<String>) {
        for name in (json.object ?? [:]).keys.sorted() where !known.contains(name) {
            fault(name, "is unknown; known are \(known.sorted().joined(separator: ", "))")
        }
    }
}

extension SiteFile {
    /// The site's own images: what `harbor` pulls there `canfar` runs.
    package var images: String { "\(state)/images" }
    /// The areas of the sessions.
    package var areas: AreaRegister { AreaRegister(state: state) }
}
