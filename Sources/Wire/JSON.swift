/// Any JSON value (RFC 8259), as it stands in a body or in a stored state.
///
/// Whole numbers keep all 64 bits, so that sizes in bytes never pass through floating point.
public indirect enum JSON: Sendable, Hashable {
    case null
    case bool(Bool)
    case int(Int64)
    case double(Double)
    case string(String)
    case array([JSON])
    case object([String: JSON])
}

// No literal `nil`: where a `JSON?` is expected, `condition ? nil : value` would quietly become `.null`.
extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByFloatLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    public init(stringLiteral value: String) { self = .string(value) }
    public init(integerLiteral value: Int64) { self = .int(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(floatLiteral value: Double) { self = .double(value) }
    public init(arrayLiteral elements: JSON...) { self = .array(elements) }
    public init(dictionaryLiteral elements: (String, JSON)...) {
        self = .object(Dictionary(elements, uniquingKeysWith: { _, last in last }))
    }
}

extension JSON {
    /// The member of an object, or nil where this is no object, the member is missing, or it is `null`.
    public subscript(_ key: String) -> JSON? {
        get {
            guard case .object(let members) = self, let value = members[key], value != .null else { return nil }
            return value
        }
        set {
            guard case .object(var members) = self else { return }
            members[key] = newValue
            self = .object(members)
        }
    }

    /// The element of an array, or nil where this is no array or has no such element.
    public subscript(_ index: Int) -> JSON? {
        guard case .array(let elements) = self, elements.indices.contains(index) else { return nil }
        return elements[index]
    }

    /// The text of a string.
    public var string: String? { if case .string(let value) = self { value } else { nil } }
    /// A whole number.
    public var int: Int64? { if case .int(let value) = self { value } else { nil } }
    /// A number, whole or not.
    public var double: Double? {
        switch self {
        case .double(let value): value
        case .int(let value): Double(value)
        default: nil
        }
    }
    /// A truth value.
    public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    /// The elements of an array.
    public var array: [JSON]? { if case .array(let value) = self { value } else { nil } }
    /// The members of an object.
    public var object: [String: JSON]? { if case .object(let value) = self { value } else { nil } }

    /// An object of the members that have a value: what is nil is left out.
    public static func object(compacting members: [String: JSON?]) -> JSON {
        .object(members.compactMapValues { $0 })
    }
}
