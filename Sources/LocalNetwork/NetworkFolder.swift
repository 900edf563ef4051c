internal import FoundationEssentials
package import Wire

/// Where everything of a network of `execbus up` lies, within the one folder that it writes to.
package struct NetworkFolder: Sendable {
    /// The folder, as an absolute path.
    package let path: String

    package init(_ path: String) {
        self.path = path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
    }

    /// The folder of the private RabbitMQ.
    package var rabbitMQ: String { path + "/rabbitmq" }
    /// Who may do what.
    package var policy: String { path + "/policy.json" }
    /// The passwords of the network's users, kept from start to start.
    package var passwords: String { path + "/passwords.json" }
    /// Which storage holds which file.
    package var catalogue: String { path + "/catalogue.json" }

    /// The store of a participant.
    package func store(of address: String) -> String { "\(path)/stores/\(address).sqlite" }
    /// What a participant writes of itself.
    package func log(of address: String) -> String { "\(path)/logs/\(address).log" }
    /// The configuration of a site.
    package func site(_ site: SiteName) -> String { "\(path)/sites/\(site)/site.json" }
    /// The folder of a site's storage.
    package func storage(of site: SiteName) -> String { "\(path)/sites/\(site)/storage" }
    /// The name of the storage of a site: Rucio writes its storage elements in capitals.
    package static func storageElement(of site: SiteName) -> String {
        site.description.uppercased().replacing("-", with: "_")
    }

    /// Makes the folders, and the policy and the configuration of each site where there is none yet: what an operator
    /// has changed stays.
    package func prepare(
        sites: [SiteName], registry: String, capacities: [SiteName: JSON], users: [NetworkDescription.User],
        services: [String]
    ) throws(LocalNetworkError) {
        try PrivateFile.makeFolder(path + "/stores")
        try PrivateFile.makeFolder(path + "/logs")
        for site in sites {
            for part in ["storage", "homes", "state"] { try PrivateFile.makeFolder("\(path)/sites/\(site)/\(part)") }
        }
        try writeOnce(DefaultPolicy.json(users: users, services: services), to: policy)
        for site in sites {
            let configuration: JSON = [
                "site": .string(site.description), "state": "state",
                "capacity": capacities[site] ?? ["cores": 4, "memory": 8],
                "storage": .array(
                    sites.map { other in
                        [
                            "rse": .string(Self.storageElement(of: other)),
                            "path": .string(other == site ? "storage" : storage(of: other)),
                            "local": .bool(other == site),
                        ]
                    }), "catalogue": .string(catalogue), "home": "homes", "registry": .string(registry),
            ]
            try writeOnce(configuration, to: self.site(site))
        }
    }

    private func writeOnce(_ json: JSON, to path: String) throws(LocalNetworkError) {
        guard !FileManager.default.fileExists(atPath: path) else { return }
        try PrivateFile.write(Array((json.prettyText + "\n").utf8), to: path)
    }
}
