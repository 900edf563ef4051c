public import Wire

/// A wish to be told of a session's phases (contract.md, Callbacks).
public struct Callback: Sendable, Hashable, Codable {
    /// How it is delivered.
    public enum Delivery: String, Sendable, Hashable, Codable, CaseIterable {
        /// To a routing key on the exchange `callbacks`.
        case amqp
        /// To a URL.
        case http
    }

    /// What its message can hold.
    public enum Field: String, Sendable, Hashable, Codable, CaseIterable {
        case session, offerset, phase, previous, status, site, workstep, sequence, time, reason, connectors
    }

    public let type: Delivery
    /// A routing key, or a URL.
    public let address: String
    /// Of which phases it tells; nil is every one.
    public let phases: Set<Phase>?
    /// Whether it tells of the first such phase only; of the end it tells in any case.
    public let once: Bool
    /// What its messages hold; nil is the short form, whose body is the one field `session.phase: <phase>`.
    public let content: [Field]?
    /// The correlation id of the request that registered it.
    public let correlation: String?
    /// Whether it has told of a phase already.
    public private(set) var hasFired = false

    public init(
        type: Delivery = .amqp, address: String, phases: Set<Phase>? = nil, once: Bool = false,
        content: [Field]? = Callback.defaultContent, correlation: String? = nil
    ) {
        self.type = type
        self.address = address
        self.phases = phases
        self.once = once
        self.content = content
        self.correlation = correlation
    }

    /// What a message holds where its registrant does not say.
    public static let defaultContent: [Field] = [.session, .phase]
    /// The word for the short form.
    public static let shortForm = "session.phase"

    /// Whether it is to fire on a phase that the session has reached, or has at registration; remembers that it did.
    public mutating func fires(on phase: Phase) -> Bool {
        let meets = phases?.contains(phase) ?? true
        guard phase.isTerminal || (meets && !(once && hasFired)) else { return false }
        hasFired = true
        return true
    }

    /// Whether two are the same wish; a second registration of it takes the place of the first.
    public func isSame(as other: Callback) -> Bool {
        type == other.type && address == other.address && phases == other.phases && once == other.once
            && content == other.content
    }
}

extension Callback {
    /// Reads `{type, address, criteria, content}` of a message from a user; faults are noted in the reader.
    ///
    /// - Parameter user: the connection's user, whose addresses alone it may name.
    public static func read(_ reader: JSONReader, user: String, correlation: String?) -> Callback? {
        let type = readType(reader)
        let address = reader.text("address", required: true)
        if let type, let address, let fault = fault(in: address, for: type, user: user) {
            reader.fault("address", fault)
        }
        let criteria = reader.object("criteria")
        let phases = criteria.flatMap(readPhases)
        let once = criteria?.bool("once") ?? false
        let content = readContent(reader)
        guard let type, let address else { return nil }
        return Callback(
            type: type, address: address, phases: phases, once: once, content: content, correlation: correlation)
    }

    private static func readType(_ reader: JSONReader) -> Delivery? {
        guard let text = reader.text("type", required: true) else { return nil }
        // The word may stand at the end of a URN.
        let word = text.split(separator: ":").last.map(String.init) ?? text
        let type = Delivery(rawValue: word)
        if type == nil { reader.fault("type", "must be amqp or http") }
        return type
    }

    private static func fault(in address: String, for type: Delivery, user: String) -> String? {
        guard address.utf8.count <= 255, address.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
            return "must be at most 255 visible ASCII characters"
        }
        switch type {
        case .amqp:
            let start = "client.\(user)."
            return address.hasPrefix(start) && address.utf8.count > start.utf8.count
                ? nil : "must begin with \(start) and go on"
        case .http:
            return address.lowercased().hasPrefix("https://") && address.utf8.count > 8 ? nil : "must be an https URL"
        }
    }

    private static func readPhases(_ reader: JSONReader) -> Set<Phase>? {
        guard let value = reader.json["phases"], value != "any" else { return nil }
        guard let words = value.array?.map(\.string), !words.isEmpty else {
            reader.fault("phases", "must be \"any\" or a list of phases")
            return nil
        }
        var phases: Set<Phase> = []
        for word in words {
            if let phase = word.flatMap(Phase.init) {
                phases.insert(phase)
            } else {
                reader.fault("phases", "there is no phase \(word ?? "of this kind")")
            }
        }
        return phases
    }

    private static func readContent(_ reader: JSONReader) -> [Field]? {
        guard let words = reader.strings("content", limit: 32), !words.isEmpty else { return defaultContent }
        if words == [shortForm] { return nil }
        return words.compactMap { word in
            let field = Field(rawValue: word)
            if field == nil {
                let known = Field.allCases.map(\.rawValue).joined(separator: ", ")
                reader.fault("content", "\(word) is none of \(known); \(shortForm) stands alone")
            }
            return field
        }
    }
}
