internal import Preparation
internal import Wire

/// A folder that holds replicas, in Rucio's words an RSE, as one site sees it.
package struct StorageFolder: Sendable, Hashable {
    /// Its name, by which the catalogue knows it.
    package var name: String
    /// Where this site reaches it.
    package var path: String
    /// Whether it is at this site.
    package var isLocal: Bool
    /// The site's own limit on what is copied from it, in bytes a second; nil for none. It slows real copies down.
    package var limit: Int64?

    package init(name: String, path: String, isLocal: Bool = false, limit: Int64? = nil) {
        self.name = name
        self.path = path
        self.isLocal = isLocal
        self.limit = limit
    }

    /// Reads `storage` of a site's configuration: `[{rse, path, local, limit?}]`. What is wrong is noted with its reader.
    static func read(_ site: SiteFile) -> [StorageFolder] {
        var names: Set<String> = []
        return (site.reader.array("storage", required: true) ?? []).compactMap { reader in
            reader.refuseMembers(except: ["rse", "path", "local", "limit"])
            let name = reader.text("rse", required: true)
            let path = reader.text("path", required: true)
            let isLocal = reader.bool("local", required: true)
            let limit = reader.int("limit", in: 1...Int64.max)
            guard let name, let path, let isLocal else { return nil }
            if !names.insert(name).inserted { reader.fault("rse", "stands there twice") }
            return StorageFolder(name: name, path: site.path(of: path), isLocal: isLocal, limit: limit)
        }
    }
}
