internal import ExecutionModel
internal import Wire

/// Where in the session's folder `data` each of the data goes.
struct DataPlaces {
    /// Relative to `data`, in the order of the workstep's data.
    let paths: [String]

    /// Each goes by its own name; where two names cannot stand side by side, each goes into a folder with its number.
    init(_ names: [String]) {
        paths =
            DataPlaces.standTogether(names)
            ? names
            : names.enumerated().map { index, name in
                let place = "\(index + 1)/\(name)"
                return isRelativePath(place) ? place : "\(index + 1)/data"
            }
    }

    /// Whether all are fit for paths, and none lies where another lies or below it.
    private static func standTogether(_ names: [String]) -> Bool {
        let paths = Set(names)
        guard paths.count == names.count, names.allSatisfy(isRelativePath) else { return false }
        return names.allSatisfy { name in
            name.indices.filter { name[$0] == "/" }.allSatisfy { !paths.contains(String(name[..<$0])) }
        }
    }
}
