internal import CJansson

/// Why a text is no JSON: where the parser stopped and what it says of it.
public struct JSONSyntaxError: Error, Hashable, CustomStringConvertible {
    /// The parser's words, such as "unexpected token near 'x'".
    public let message: String
    /// The first line is 1.
    public let line: Int

    public var description: String { "line \(line): \(message)" }
}

extension JSON {
    /// Reads one JSON text, whole: what follows it, a member named twice, or a nesting deeper than 2,048 is an error.
    public init(parsing text: some Collection<UInt8>) throws(JSONSyntaxError) {
        var error = json_error_t()
        let flags = Int(JSON_REJECT_DUPLICATES) | Int(JSON_DECODE_ANY) | Int(JSON_ALLOW_NUL)
        let parsed: OpaquePointer? = Array(text).withUnsafeBufferPointer { bytes in
            bytes.withMemoryRebound(to: CChar.self) { characters in
                OpaquePointer(json_loadb(characters.baseAddress, characters.count, flags, &error))
            }
        }
        guard let root = UnsafeMutablePointer<json_t>(parsed) else {
            let message = withUnsafeBytes(of: error.text) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            throw JSONSyntaxError(message: message, line: Int(error.line))
        }
        defer { execbus_json_decref(root) }
        self = JSON(converting: root)
    }

    /// Reads the JSON text of a string.
    public init(parsing text: String) throws(JSONSyntaxError) {
        try self.init(parsing: Array(text.utf8))
    }

    private init(converting value: UnsafeMutablePointer<json_t>) {
        switch value.pointee.type {
        case JSON_OBJECT:
            var members: [String: JSON] = [:]
            var iterator = json_object_iter(value)
            while let current = iterator {
                if let key = json_object_iter_key(current), let member = json_object_iter_value(current) {
                    let name = UnsafeRawBufferPointer(start: key, count: json_object_iter_key_len(current))
                    members[String(decoding: name, as: UTF8.self)] = JSON(converting: member)
                }
                iterator = json_object_iter_next(value, current)
            }
            self = .object(members)
        case JSON_ARRAY:
            self = .array(
                (0..<json_array_size(value)).map { json_array_get(value, $0).map(JSON.init(converting:)) ?? .null })
        case JSON_STRING:
            let text = UnsafeRawBufferPointer(start: json_string_value(value), count: json_string_length(value))
            self = .string(String(decoding: text, as: UTF8.self))
        case JSON_INTEGER: self = .int(json_integer_value(value))
        case JSON_REAL: self = .double(json_real_value(value))
        case JSON_TRUE: self = .bool(true)
        case JSON_FALSE: self = .bool(false)
        default: self = .null
        }
    }

    /// The value as compact JSON text with the members of objects in order of their names, so that equal values have
    /// equal bytes. A number that JSON cannot say (infinite, not a number) is written as `null`.
    public var bytes: [UInt8] {
        var out: [UInt8] = []
        write(to: &out, indentation: nil)
        return out
    }

    /// The value as compact JSON text.
    public var text: String { String(decoding: bytes, as: UTF8.self) }

    /// The value as JSON text on several lines, for people.
    public var prettyText: String {
        var out: [UInt8] = []
        write(to: &out, indentation: 0)
        return String(decoding: out, as: UTF8.self)
    }

    private func write(to out: inout [UInt8], indentation: Int?) {
        switch self {
        case .null: out += "null".utf8
        case .bool(let value): out += (value ? "true" : "false").utf8
        case .int(let value): out += String(value).utf8
        case .double(let value): out += (value.isFinite ? String(value) : "null").utf8
        case .string(let value): JSON.write(value, to: &out)
        case .array(let elements):
            JSON.writeList(elements, brackets: ("[", "]"), to: &out, indentation: indentation) { element, out, inner in
                element.write(to: &out, indentation: inner)
            }
        case .object(let members):
            let sorted = members.sorted { $0.key < $1.key }
            JSON.writeList(sorted, brackets: ("{", "}"), to: &out, indentation: indentation) { member, out, inner in
                JSON.write(member.key, to: &out)
                out += (inner == nil ? ":" : ": ").utf8
                member.value.write(to: &out, indentation: inner)
            }
        }
    }

    private static func writeList<Element>(
        _ elements: [Element], brackets: (String, String), to out: inout [UInt8], indentation: Int?,
        element: (Element, inout [UInt8], Int?) -> Void
    ) {
        out += brackets.0.utf8
        let inner = indentation.map { $0 + 1 }
        for (index, value) in elements.enumerated() {
            if index > 0 { out.append(UInt8(ascii: ",")) }
            newLine(inner, to: &out)
            element(value, &out, inner)
        }
        if !elements.isEmpty { newLine(indentation, to: &out) }
        out += brackets.1.utf8
    }

    private static func newLine(_ indentation: Int?, to out: inout [UInt8]) {
        guard let indentation else { return }
        out.append(UInt8(ascii: "\n"))
        out += String(repeating: "  ", count: indentation).utf8
    }

    /// RFC 8259, section 7: the quotation mark, the reverse solidus and the control characters are escaped.
    private static func write(_ text: String, to out: inout [UInt8]) {
        let hexadecimal = Array("0123456789abcdef".utf8)
        out.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): out += [UInt8(ascii: "\\"), byte]
            case 0x0A: out += "\\n".utf8
            case 0x0D: out += "\\r".utf8
            case 0x09: out += "\\t".utf8
            case 0..<0x20: out += "\\u00".utf8 + [hexadecimal[Int(byte >> 4)], hexadecimal[Int(byte & 15)]]
            default: out.append(byte)
            }
        }
        out.append(UInt8(ascii: "\""))
    }
}
