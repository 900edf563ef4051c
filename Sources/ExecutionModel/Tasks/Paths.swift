public import Wire

extension JSONReader {
    /// A path that leads to a place below wherever it begins.
    func relativePath(_ key: String, required: Bool = false) -> String? {
        guard let path = text(key, required: required) else { return nil }
        if !isRelativePath(path) { fault(key, "must be a relative path without . or ..") }
        return path
    }
}

extension DataIdentifier {
    /// `{scope, name, type}`.
    public var json: JSON {
        ["scope": .string(scope), "name": .string(name), "type": .string(type.rawValue)]
    }
}

/// The places of files: nothing can lie where another lies, nor below it.
struct TakenPaths {
    private var files: Set<Substring> = []
    private var folders: Set<Substring> = []

    /// False where the path cannot be had.
    mutating func take(_ path: String) -> Bool {
        let path = Substring(path)
        let ancestors = path.indices.filter { path[$0] == "/" }.map { path[..<$0] }
        guard !files.contains(path), !folders.contains(path), !ancestors.contains(where: files.contains) else {
            return false
        }
        files.insert(path)
        folders.formUnion(ancestors)
        return true
    }
}
