/// Reads a JSON object and collects every fault on the way, so that an answer can name them all.
///
/// A reader of a part shares the collection of the whole. Call `finish()` last: it throws `invalid` where there was
/// any fault. Each reading gives nil where the member is missing or wrong; what is `required` and missing is a fault.
public struct JSONReader {
    private final class Faults {
        var list: [Problem.Fault] = []
    }

    /// The value that is read.
    public let json: JSON
    /// Where it stands in the body, as a JSON pointer.
    public let pointer: String
    private let faults: Faults

    public init(_ json: JSON) {
        self.json = json
        pointer = ""
        faults = Faults()
    }

    private init(_ json: JSON, pointer: String, faults: Faults) {
        self.json = json
        self.pointer = pointer
        self.faults = faults
    }

    /// Notes a fault of a member, or of the value itself where `key` is nil.
    public func fault(_ key: String? = nil, _ detail: String) {
        faults.list.append(.init(pointer: pointer(to: key), detail: detail))
    }

    /// Whether a fault was found so far.
    public var hasFaults: Bool { !faults.list.isEmpty }

    /// Throws `invalid` with all faults, if there were any.
    public func finish() throws(Problem) {
        if let first = faults.list.first {
            let more = faults.list.count - 1
            let detail = "\(first.pointer.isEmpty ? "the body" : first.pointer): \(first.detail)"
            throw Problem(.invalid, more == 0 ? detail : "\(detail), and \(more) more", errors: faults.list)
        }
    }

    public func string(_ key: String, required: Bool = false) -> String? {
        member(key, required, "a string") { $0.string }
    }

    /// A string that is not empty.
    public func text(_ key: String, required: Bool = false) -> String? {
        member(key, required, "a string that is not empty") { $0.string.flatMap { $0.isEmpty ? nil : $0 } }
    }

    public func int(_ key: String, in range: ClosedRange<Int64> = .min ... .max, required: Bool = false) -> Int64? {
        let expected =
            range == .min ... .max ? "a whole number" : "a whole number from \(range.lowerBound) to \(range.upperBound)"
        return member(key, required, expected) { $0.int.flatMap { range.contains($0) ? $0 : nil } }
    }

    public func bool(_ key: String, required: Bool = false) -> Bool? {
        member(key, required, "true or false") { $0.bool }
    }

    public func uuid(_ key: String, required: Bool = false) -> String? {
        member(key, required, "a UUID") { $0.string.flatMap { isUUID($0) ? $0.lowercased() : nil } }
    }

    public func timestamp(_ key: String, required: Bool = false) -> Timestamp? {
        member(key, required, "an instant as RFC 3339") { $0.string.flatMap(Timestamp.init) }
    }

    public func duration(_ key: String, required: Bool = false) -> Duration? {
        member(key, required, "a duration as ISO 8601 in weeks, days, hours, minutes and seconds, such as PT1H") {
            $0.string.flatMap(ISODuration.parse)
        }
    }

    public func site(_ key: String, required: Bool = false) -> SiteName? {
        member(key, required, "a site's name") { $0.string.flatMap(SiteName.init) }
    }

    /// One of several words.
    public func choice<Choice: RawRepresentable & CaseIterable>(
        _ key: String, _ type: Choice.Type, required: Bool = false
    ) -> Choice? where Choice.RawValue == String {
        let words = type.allCases.map(\.rawValue).joined(separator: ", ")
        return member(key, required, "one of \(words)") { $0.string.flatMap(Choice.init(rawValue:)) }
    }

    public func object(_ key: String, required: Bool = false) -> JSONReader? {
        member(key, required, "an object") { $0.object == nil ? nil : $0 }
            .map { JSONReader($0, pointer: pointer(to: key), faults: faults) }
    }

    /// The elements of an array, each with a reader of its own; at most `limit` of them.
    public func array(_ key: String, limit: Int = 1_000, required: Bool = false) -> [JSONReader]? {
        member(key, required, "an array of at most \(limit)") { value in
            value.array.flatMap { $0.count <= limit ? $0 : nil }
        }?.enumerated().map { JSONReader($1, pointer: pointer(to: key) + "/\($0)", faults: faults) }
    }

    /// The elements of an array of strings.
    public func strings(_ key: String, limit: Int = 1_000, required: Bool = false) -> [String]? {
        member(key, required, "an array of strings, at most \(limit)") { value in
            guard let elements = value.array, elements.count <= limit else { return nil }
            let texts = elements.compactMap(\.string)
            return texts.count == elements.count ? texts : nil
        }
    }

    private func member<Value>(
        _ key: String, _ required: Bool, _ expected: String, _ convert: (JSON) -> Value?
    ) -> Value? {
        guard json.object != nil else {
            fault("must be an object")
            return nil
        }
        guard let found = json[key] else {
            if required { fault(key, "is required: \(expected)") }
            return nil
        }
        guard let value = convert(found) else {
            fault(key, "must be \(expected)")
            return nil
        }
        return value
    }

    private func fault(_ detail: String) {
        let found = Problem.Fault(pointer: pointer, detail: detail)
        if !faults.list.contains(found) { faults.list.append(found) }
    }

    private func pointer(to key: String?) -> String {
        guard let key else { return pointer }
        // RFC 6901, section 3: "~" and "/" are escaped.
        var escaped = ""
        for character in key {
            switch character {
            case "~": escaped += "~0"
            case "/": escaped += "~1"
            default: escaped.append(character)
            }
        }
        return pointer + "/" + escaped
    }
}
