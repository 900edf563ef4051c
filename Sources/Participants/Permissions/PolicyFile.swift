internal import FoundationEssentials
internal import MessageBus
internal import Wire

extension Policy {
    /// Reads a policy file.
    ///
    /// It is one JSON object. What is not described here is an error, so that a misspelt word never widens a policy:
    ///
    /// - `policy` (required): its name, given in every answer.
    /// - `services`: the users of RabbitMQ whose `on_behalf_of` is believed and who may ask about others.
    /// - `users`: `{sub, groups, iss}` each. `iss` is `urn:srcnet:rabbitmq` where it is absent: then `sub` is a user of
    ///   RabbitMQ, and its groups are those given here and no others. `groups` may be absent.
    /// - `rules`: in any order, `{name, effect, who, actions, resources, sites, reason}` each:
    ///   - `name` (required): what answers call the rule; no two have the same.
    ///   - `effect` (required): `allow` or `deny`. Any rule that denies wins over all that allow.
    ///   - `who` (required): `"*"` for everybody, or `{users, groups}`, at least one of both. A user is a `sub` of
    ///     `users`, or `{iss, sub}`.
    ///   - `actions` (required): patterns, such as `workstep.submit`, `session.*` or `*`.
    ///   - `resources`: patterns, such as `interactive/*`; absent: everything.
    ///   - `sites`: patterns; absent: everywhere. A rule with sites says nothing where no site is named.
    ///   - `reason`: words for who is denied by it.
    ///
    /// In a pattern `*` stands for any run of characters. What no rule allows is denied.
    ///
    /// - Parameter file: its path, for errors.
    package init(reading text: [UInt8], file: String) throws(PolicyFileError) {
        let json: JSON
        do throws(JSONSyntaxError) {
            json = try JSON(parsing: text)
        } catch {
            throw PolicyFileError(file: file, pointer: "", detail: "it is not JSON: \(error)")
        }
        do throws(Problem) {
            self = try PolicyReader.read(JSONReader(json))
        } catch {
            throw PolicyFileError(file: file, error)
        }
    }

    /// Reads the policy file at a path.
    package init(file: String) throws(PolicyFileError) {
        guard let data = FileManager.default.contents(atPath: file) else {
            throw PolicyFileError(file: file, pointer: "", detail: "it does not exist or may not be read")
        }
        try self.init(reading: Array(data), file: file)
    }
}

/// What is wrong with a policy file, in one line.
package struct PolicyFileError: Error, Hashable, CustomStringConvertible {
    /// Its path.
    package let file: String
    /// Where in it: a JSON pointer, empty for the whole.
    package let pointer: String
    package let detail: String

    package init(file: String, pointer: String, detail: String) {
        self.file = file
        self.pointer = pointer
        self.detail = detail
    }

    /// The first fault, and how many more there are.
    init(file: String, _ problem: Problem) {
        let more = problem.errors.count > 1 ? " (and \(problem.errors.count - 1) more)" : ""
        self.init(
            file: file, pointer: problem.errors.first?.pointer ?? "",
            detail: (problem.errors.first?.detail ?? problem.detail) + more)
    }

    package var description: String {
        "the policy file \(file) cannot be used: " + (pointer.isEmpty ? detail : "\(pointer) \(detail)")
    }
}

/// Reads a policy and collects its faults.
private enum PolicyReader {
    static func read(_ reader: JSONReader) throws(Problem) -> Policy {
        refuseUnknown(reader, ["policy", "services", "users", "rules"])
        let name = reader.text("policy", required: true)
        let services = reader.strings("services") ?? []
        let users = readUsers(reader)
        var rules: [Rule] = []
        for element in reader.array("rules", limit: 10_000) ?? [] {
            guard let rule = readRule(element, users) else { continue }
            if rules.contains(where: { $0.name == rule.name }) {
                element.fault("name", "is used by another rule: \(rule.name)")
            }
            rules.append(rule)
        }
        try reader.finish()
        return Policy(name: name ?? "", services: Set(services), users: users, rules: rules)
    }

    private static func readUsers(_ reader: JSONReader) -> [Identity: Set<String>] {
        var users: [Identity: Set<String>] = [:]
        for element in reader.array("users", limit: 100_000) ?? [] {
            refuseUnknown(element, ["iss", "sub", "groups"])
            let groups = element.strings("groups") ?? []
            guard let identity = readIdentity(element) else { continue }
            if users.updateValue(Set(groups), forKey: identity) != nil {
                element.fault("sub", "is named more than once: \(identity.sub)")
            }
        }
        return users
    }

    private static func readIdentity(_ reader: JSONReader) -> Identity? {
        let iss = reader.text("iss")
        return reader.text("sub", required: true).map { Identity(iss: iss ?? Caller.rabbitMQ, sub: $0) }
    }

    private static func readRule(_ reader: JSONReader, _ users: [Identity: Set<String>]) -> Rule? {
        refuseUnknown(reader, ["name", "effect", "who", "actions", "resources", "sites", "reason"])
        let name = reader.text("name", required: true)
        let effect = reader.choice("effect", Rule.Effect.self, required: true)
        let who = readWho(reader, users)
        let actions = readPatterns(reader, "actions", required: true)
        let resources = readPatterns(reader, "resources")
        let sites = readPatterns(reader, "sites")
        let reason = reader.text("reason")
        guard let name, let effect, let who, let actions else { return nil }
        return Rule(
            name: name, effect: effect, who: who, actions: actions, resources: resources ?? [.anything], sites: sites,
            reason: reason)
    }

    private static func readWho(_ reader: JSONReader, _ users: [Identity: Set<String>]) -> Rule.Who? {
        guard let value = reader.json["who"] else {
            reader.fault("who", "is required: \"*\" for everybody, or {users, groups}")
            return nil
        }
        if value.string == "*" { return .everybody }
        guard value.object != nil, let who = reader.object("who") else {
            reader.fault("who", "must be \"*\" for everybody, or {users, groups}")
            return nil
        }
        refuseUnknown(who, ["users", "groups"])
        let groups = who.strings("groups") ?? []
        var named: Set<Identity> = []
        // A user is a name or an object, so the elements are read one by one.
        for (index, element) in (who.json["users"]?.array ?? []).enumerated() {
            let identity = element.string.map { Identity(iss: Caller.rabbitMQ, sub: $0) } ?? identity(of: element)
            guard let identity else {
                who.fault("users", "has at \(index) neither a user's name nor {iss, sub}")
                continue
            }
            // A rule about a misspelt name would silently be about nobody.
            if users[identity] == nil {
                who.fault("users", "names \(identity.sub), who is not among the users of this file")
            }
            named.insert(identity)
        }
        if who.json["users"] != nil, who.json["users"]?.array == nil { who.fault("users", "must be an array") }
        if named.isEmpty, groups.isEmpty { who.fault(nil, "must name a user or a group") }
        return .these(users: named, groups: Set(groups))
    }

    private static func identity(of json: JSON) -> Identity? {
        guard let iss = json["iss"]?.string, let sub = json["sub"]?.string, !iss.isEmpty, !sub.isEmpty else {
            return nil
        }
        return Identity(iss: iss, sub: sub)
    }

    private static func readPatterns(_ reader: JSONReader, _ key: String, required: Bool = false) -> [Pattern]? {
        guard let texts = reader.strings(key, required: required) else { return nil }
        if texts.isEmpty || texts.contains("") { reader.fault(key, "must have patterns, none of them empty") }
        return texts.map(Pattern.init)
    }

    private static func refuseUnknown(_ reader: JSONReader, _ known: Set<String>) {
        for key in (reader.json.object ?? [:]).keys.sorted() where !known.contains(key) {
            reader.fault(key, "is not known here: a policy has \(known.sorted().joined(separator: ", "))")
        }
    }
}
