package import ExecutionModel
package import Preparation
package import Wire

/// What the broker needs to know of its site.
package struct BrokerSettings: Sendable {
    package var site: SiteName
    /// What there is for sessions.
    package var cores: Int64
    /// GiB.
    package var memory: Int64
    /// What the site runs, and the image that it takes where a workstep names none.
    package var executables: [ExecutableKind: ImageReference]
    /// How many open offersets one user may have here (contract.md, Limits).
    package var openOfferSets = 20
    /// How long a session waits for what.
    package var session = SessionSettings()

    /// The site's own notebook, unless its file names another.
    package static let notebook = ImageReference(locations: ["srcnet/notebook:1"])

    package init(
        site: SiteName, cores: Int64, memory: Int64,
        executables: [ExecutableKind: ImageReference] = [.jupyterNotebook: BrokerSettings.notebook]
    ) {
        self.site = site
        self.cores = cores
        self.memory = memory
        self.executables = executables
    }

    /// Reads `capacity: {cores, memory}` (memory in GiB) and `executables: {<kind>: {image}}` of the site's file.
    package init(_ file: SiteFile) throws(Problem) {
        let capacity = file.reader.object("capacity", required: true)
        capacity?.refuseMembers(except: ["cores", "memory"])
        let cores = capacity?.int("cores", in: 1...1_000_000, required: true)
        let memory = capacity?.int("memory", in: 1...1_000_000, required: true)
        let executables = BrokerSettings.readExecutables(file.reader)
        try file.reader.finish()
        self.init(site: file.site, cores: cores ?? 0, memory: memory ?? 0)
        if let executables { self.executables = executables }
    }

    private static func readExecutables(_ reader: JSONReader) -> [ExecutableKind: ImageReference]? {
        guard let object = reader.object("executables") else { return nil }
        var executables: [ExecutableKind: ImageReference] = [:]
        for name in (object.json.object ?? [:]).keys.sorted() {
            guard let kind = ExecutableKind(rawValue: name) else {
                let known = ExecutableKind.allCases.map(\.rawValue).joined(separator: ", ")
                object.fault(name, "is no kind of executable; known are \(known)")
                continue
            }
            let entry = object.object(name)
            entry?.refuseMembers(except: ["image"])
            if let image = entry?.text("image", required: true) {
                executables[kind] = ImageReference(locations: [image])
            }
        }
        return executables
    }

    /// What the site can do at all.
    var abilities: SiteAbilities {
        SiteAbilities(executables: Set(executables.keys), data: [.rucio], cores: cores, memory: memory)
    }
}
