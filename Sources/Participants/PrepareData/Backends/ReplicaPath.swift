internal import Digests
package import Files

/// Where a file lies in a storage: Rucio's deterministic path of the algorithm `hash`,
/// `<scope>/<m[0:2]>/<m[2:4]>/<name>` with m the MD5 of `scope:name`.
package struct ReplicaPath: Sendable, Hashable {
    package let path: RelativePath

    /// nil where the names cannot be those of folders and files, or this machine has no MD5.
    package init?(_ key: Catalogue.Key) {
        guard let hash = md5(key.description)?.hexadecimal else { return nil }
        // Only in the scopes of users and groups, dots part folders.
        let isOfPerson = key.scope.hasPrefix("user") || key.scope.hasPrefix("group")
        let scope = isOfPerson ? String(key.scope.map { $0 == "." ? "/" : $0 }) : key.scope
        guard let path = RelativePath("\(scope)/\(hash.prefix(2))/\(hash.dropFirst(2).prefix(2))/\(key.name)") else {
            return nil
        }
        self.path = path
    }
}
