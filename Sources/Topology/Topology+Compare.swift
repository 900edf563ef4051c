package import Wire

extension Topology {
    /// Compares an export of a broker's definitions (`rabbitmqctl export_definitions FILE`) with the description: all that
    /// `check` sees, and bindings, policies, users and permissions as well.
    ///
    /// Passwords are not compared. Clients' own queues (`client.…`) and everything in other virtual hosts are passed over.
    package func compare(
        with export: JSON, users: [BrokerUser], virtualHost: String = defaultVirtualHost
    ) -> [Finding] {
        let described = definitions(users: users, virtualHost: virtualHost)
        return Section.all.flatMap { section in
            let wanted = section.entries(of: described, virtualHost)
            let found = section.entries(of: export, virtualHost)
            let faults = wanted.sorted { $0.key < $1.key }.compactMap { name, entry -> Finding? in
                guard let there = found[name] else { return Finding(section.subject, name, .isMissing) }
                let differences = section.differences(entry, there)
                return differences.isEmpty
                    ? nil : Finding(section.subject, name, .differs(differences.joined(separator: ", ")))
            }
            let unknown = section.reportsUnknown ? found.keys.filter { wanted[$0] == nil }.sorted() : []
            return faults + unknown.map { Finding(section.subject, $0, .isUnknown) }
        }
    }
}

/// One list of RabbitMQ's definitions, and what is compared of its entries.
private struct Section {
    let subject: Finding.Subject
    let list: String
    /// The members that together name an entry.
    let identity: [String]
    /// The members that have to be equal.
    let properties: [String]
    var isInVirtualHost = true
    var reportsUnknown = true

    static let all = [
        Section(
            subject: .exchange, list: "exchanges", identity: ["name"],
            properties: ["type", "durable", "auto_delete", "internal", "arguments"]),
        Section(
            subject: .queue, list: "queues", identity: ["name"], properties: ["durable", "auto_delete", "arguments"]),
        Section(
            subject: .binding, list: "bindings",
            identity: ["source", "destination_type", "destination", "routing_key", "arguments"], properties: []),
        Section(
            subject: .policy, list: "policies", identity: ["name"],
            properties: ["pattern", "apply-to", "definition", "priority"]),
        Section(
            subject: .user, list: "users", identity: ["name"], properties: ["tags"], isInVirtualHost: false,
            reportsUnknown: false),
        Section(
            subject: .permission, list: "permissions", identity: ["user"], properties: ["configure", "write", "read"],
            reportsUnknown: false),
        Section(
            subject: .topicPermission, list: "topic_permissions", identity: ["user", "exchange"],
            properties: ["write", "read"], reportsUnknown: false),
    ]

    /// The entries by what names them.
    func entries(of definitions: JSON, _ virtualHost: String) -> [String: JSON] {
        let entries = (definitions[list]?.array ?? []).filter { entry in
            guard !isInVirtualHost || entry["vhost"]?.string == virtualHost else { return false }
            return !["name", "destination"].contains { entry[$0]?.string?.hasPrefix("client.") == true }
        }
        return Dictionary(entries.map { (name($0), $0) }) { first, _ in first }
    }

    private func name(_ entry: JSON) -> String {
        if subject == .binding {
            let arguments = entry["arguments"]?.object ?? [:]
            let key = entry["routing_key"]?.string ?? ""
            let by = arguments.isEmpty ? "key \"\(key)\"" : JSON.object(arguments).text
            return "\(entry["source"]?.string ?? "") -> \(entry["destination"]?.string ?? "") by \(by)"
        }
        return identity.compactMap { entry[$0]?.string }.joined(separator: " on ")
    }

    func differences(_ wanted: JSON, _ found: JSON) -> [String] {
        properties.compactMap { property in
            // What is false is left out of some exports, such as `internal` by rabbitmqctl of 3.10.
            let (wanted, found) = (plain(wanted[property] ?? false), plain(found[property] ?? false))
            return wanted == found ? nil : "\(property) is \(found.text), not \(wanted.text)"
        }
    }

    /// RabbitMQ writes a user's tags as a list, or as one text with commas in older exports.
    private func plain(_ value: JSON) -> JSON {
        guard case .array(let tags) = value else { return value }
        return .string(tags.compactMap(\.string).joined(separator: ","))
    }
}
