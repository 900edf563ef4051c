internal import AMQP
internal import MessageBus
internal import Wire

/// Parked messages as a person or a script reads them.
enum ParkedText {
    static func show(_ entries: [ParkedEntry], _ invocation: Invocation) {
        if invocation.has("json") {
            Terminal.line(JSON.array(entries.map(json)).text)
            return
        }
        guard !entries.isEmpty else {
            Terminal.line("no parked messages")
            return
        }
        var table = Table(headings: ["participant", "id", "type", "tries", "failed", "from", "reason"], right: [3])
        table.rows = entries.map { entry in
            let message = entry.message
            return [
                message.receiver, message.id ?? "", message.type, message.attempts.map(String.init) ?? "",
                message.lastFailed.map { String($0.description.prefix(19)) + "Z" } ?? "", message.asker,
                String(message.reason.prefix(80)),
            ]
        }
        Terminal.line(table.text)
    }

    /// What was done with messages.
    static func tell(_ verb: String, _ entries: [ParkedEntry], _ invocation: Invocation) {
        if invocation.has("json") {
            Terminal.line(JSON.array(entries.map { .string($0.message.id ?? "") }).text)
        } else {
            Terminal.line("\(verb) \(entries.count) \(entries.count == 1 ? "message" : "messages")")
        }
    }

    static func json(_ entry: ParkedEntry) -> JSON {
        let message = entry.message
        let properties = message.delivery.properties
        return .object(compacting: [
            "queue": .string(entry.queue), "participant": .string(message.receiver), "id": message.id.map(JSON.string),
            "type": .string(message.type), "reason": .string(message.reason),
            "attempts": message.attempts.map(JSON.int),
            "firstFailed": message.firstFailed.map { .string($0.description) },
            "lastFailed": message.lastFailed.map { .string($0.description) }, "exchange": .string(message.exchange),
            "key": .string(message.key), "asker": .string(message.asker),
            "replyTo": properties.replyTo.map(JSON.string),
            "correlationId": properties.correlationID.map(JSON.string),
            "deadline": message.deadline.map { .string($0.description) },
            "headers": .object(properties.headers.mapValues(JSON.init(header:))),
            "body": (try? JSON(parsing: message.delivery.body))
                ?? .string(String(decoding: message.delivery.body, as: UTF8.self)),
        ])
    }

    /// Everything of one message, on several lines.
    static func whole(_ entry: ParkedEntry) -> String {
        let message = entry.message
        let properties = message.delivery.properties
        let rows: [(String, String?)] = [
            ("participant", message.receiver), ("queue", entry.queue), ("id", message.id), ("type", message.type),
            ("reason", message.reason), ("tries", message.attempts.map(String.init)),
            ("first failed", message.firstFailed?.description), ("last failed", message.lastFailed?.description),
            ("from", message.asker), ("sent to", "\(message.exchange) by \(message.key)"),
            ("answer to", properties.replyTo), ("correlation", properties.correlationID),
            ("deadline", message.deadline?.description),
        ]
        let shown = rows.compactMap { name, value in
            value.flatMap { $0.isEmpty ? nil : Style.faint(name.padded(to: 14)) + $0 }
        }
        let headers = properties.headers.sorted { $0.key < $1.key }.map { name, value in
            "  " + Style.faint(name.padded(to: 28)) + JSON(header: value).plain
        }
        let body =
            (try? JSON(parsing: message.delivery.body))?.prettyText
            ?? String(decoding: message.delivery.body, as: UTF8.self)
        return (shown + [Style.faint("headers")] + headers + [Style.faint("body"), body]).joined(separator: "\n")
    }
}

extension String {
    fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: max(1, width - count)) }
}

extension JSON {
    /// A header's value; bytes as text, as far as they are one.
    fileprivate init(header: AMQPValue) {
        self =
            switch header {
            case .bool(let value): .bool(value)
            case .int(let value): .int(value)
            case .double(let value): .double(value)
            case .string(let value): .string(value)
            case .bytes(let value): .string(String(decoding: value, as: UTF8.self))
            case .timestamp(let seconds): .int(Int64(clamping: seconds))
            case .decimal(let scale, let value): .string("\(value)e-\(scale)")
            case .array(let values): .array(values.map(JSON.init(header:)))
            case .table(let values): .object(values.mapValues(JSON.init(header:)))
            case .void: .null
            }
    }

    /// A text without its quotation marks, everything else as JSON.
    fileprivate var plain: String { string ?? text }
}
