package import AMQP
internal import Wire

/// A message of somebody else that is sent on as it is: to wait for another try, to be parked, or to be replayed.
///
/// Everything of it is kept but what would have an effect of its own on the way: what RabbitMQ wrote (`x-…`), `expiration`,
/// which would shorten the wait, `user_id`, which RabbitMQ accepts only from that user, and the lists of further keys
/// (`CC`, `BCC`), with which a stranger would send to others in this participant's name.
package struct CarriedMessage: Sendable, Hashable, Codable {
    package var contentType: String?
    package var contentEncoding: String?
    package var appID: String?
    package var timestamp: UInt64?
    package var priority: UInt8?
    /// Its headers, and those that say why it is sent on.
    package private(set) var headers: [String: HeaderValue]

    /// Headers above this size are dropped, except those of the contract: all of them together have to fit into a frame.
    static let headerLimit = 32_768
    /// A reason is cut at so many bytes.
    static let reasonLimit = 2_048

    package init(_ delivery: AMQPDelivery) {
        let properties = delivery.properties
        contentType = properties.contentType
        contentEncoding = properties.contentEncoding
        appID = properties.appID
        timestamp = properties.timestamp
        priority = properties.priority
        var headers = properties.headers.filter { name, _ in
            !name.hasPrefix("x-") && !["CC", "BCC"].contains(name) && FailureHeader(rawValue: name) == nil
        }
        if headers.reduce(0, { $0 + $1.key.utf8.count + $1.value.size }) > Self.headerLimit {
            headers = headers.filter { Self.isOfContract($0.key) && $0.value.size < 4_096 }
        }
        self.headers = headers.mapValues(HeaderValue.init)
    }

    private static func isOfContract(_ name: String) -> Bool {
        ["cloudEvents_", "cloudEvents:", "ce-"].contains { name.hasPrefix($0) }
            || ["deadline", "authorization", "on_behalf_of", "traceparent", "sequence"].contains(name)
    }

    /// Writes one of the headers that say why it is sent on.
    package mutating func set(_ header: FailureHeader, _ text: String) {
        headers[header.rawValue] = .string(
            header == .reason ? String(decoding: text.utf8.prefix(Self.reasonLimit), as: UTF8.self) : text)
    }

    /// Writes one of them that is a number.
    package mutating func set(_ header: FailureHeader, _ number: Int64) { headers[header.rawValue] = .int(number) }

    /// Takes a header away.
    package mutating func remove(_ name: String) { headers[name] = nil }

    /// A header that is a text.
    package func header(_ header: FailureHeader) -> String? {
        if case .string(let text) = headers[header.rawValue] { text } else { nil }
    }

    /// Its properties for a connection of `user`.
    func properties(of message: Outgoing, user: String) -> AMQPProperties {
        AMQPProperties(
            contentType: contentType, contentEncoding: contentEncoding, headers: headers.mapValues(\.value),
            isPersistent: true, priority: priority, correlationID: message.correlationID, replyTo: message.replyTo,
            messageID: message.id, timestamp: timestamp, type: message.type.isEmpty ? nil : message.type, userID: user,
            appID: appID)
    }
}

/// A header's value in the form in which the outbox keeps it.
package indirect enum HeaderValue: Sendable, Hashable, Codable {
    case bool(Bool)
    case int(Int64)
    case double(Double)
    case string(String)
    case bytes([UInt8])
    case timestamp(UInt64)
    case decimal(scale: UInt8, value: UInt32)
    case array([HeaderValue])
    case table([String: HeaderValue])
    case void

    init(_ value: AMQPValue) {
        self =
            switch value {
            case .bool(let value): .bool(value)
            case .int(let value): .int(value)
            // JSON has no word for what is not a number; nobody misses it in a header.
            case .double(let value): value.isFinite ? .double(value) : .void
            case .string(let value): .string(value)
            case .bytes(let value): .bytes(value)
            case .timestamp(let value): .timestamp(value)
            case .decimal(let scale, let value): .decimal(scale: scale, value: value)
            case .array(let values): .array(values.map(HeaderValue.init))
            case .table(let values): .table(values.mapValues(HeaderValue.init))
            case .void: .void
            }
    }

    var value: AMQPValue {
        switch self {
        case .bool(let value): .bool(value)
        case .int(let value): .int(value)
        case .double(let value): .double(value)
        case .string(let value): .string(value)
        case .bytes(let value): .bytes(value)
        case .timestamp(let value): .timestamp(value)
        case .decimal(let scale, let value): .decimal(scale: scale, value: value)
        case .array(let values): .array(values.map(\.value))
        case .table(let values): .table(values.mapValues(\.value))
        case .void: .void
        }
    }
}

extension AMQPValue {
    /// About how many bytes it takes on the wire.
    fileprivate var size: Int {
        switch self {
        case .string(let text): text.utf8.count + 5
        case .bytes(let bytes): bytes.count + 5
        case .array(let values): values.reduce(5) { $0 + $1.size }
        case .table(let values): values.reduce(5) { $0 + $1.key.utf8.count + $1.value.size }
        default: 9
        }
    }
}
