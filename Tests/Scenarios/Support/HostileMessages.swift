import AMQP
import TestSupport
import Wire

/// Messages as no friend would send them: envelopes and bodies that are nearly right, by a seed. What RabbitMQ itself closes
/// a connection for (a NaN, a `CC` that is no list) never reaches a worker, and is not among them.
struct HostileMessages {
    private var generator: SeededGenerator

    init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

    private static let queries = [
        "srcnet.workstep.get.v1", "srcnet.workstep.list.v1", "srcnet.offerset.get.v1", "srcnet.session.get.v1",
        "srcnet.session.list.v1", "srcnet.permission.check.v1", "srcnet.data.locate.v1", "srcnet.image.resolve.v1",
        "srcnet.task.get.v1", "srcnet.participant.ping.v1",
    ]
    private static let commands = [
        "srcnet.workstep.create.v1", "srcnet.workstep.edit.v1", "srcnet.workstep.execute.v1",
        "srcnet.workstep.submit.v1", "srcnet.offer.claim.v1", "srcnet.offer.unclaim.v1",
        "srcnet.session.set-phase.v1", "srcnet.data.prepare.v1", "srcnet.data.pull.v1", "srcnet.image.pull.v1",
        "srcnet.session.start.v1", "srcnet.task.cancel.v1", "srcnet.task.release.v1",
    ]
    private static let others = [
        "srcnet.session.extend.v1", "srcnet.nothing.v1", "", "srcnet.offer.request.v1", "\u{0}", "srcnet.problem.v2",
        String(repeating: "t", count: 255),
    ]
    /// Answers, events and signs of life: nobody is answered who sends one, it is parked or dropped.
    static let unanswered = [
        "srcnet.workstep.v1", "srcnet.permission.v1", "srcnet.offer.response.v1", "srcnet.session.v1",
        "srcnet.replicas.v1", "srcnet.image.v1", "srcnet.task.v1", "srcnet.task.done.v1", "srcnet.task.ended.v1",
        "srcnet.offer.claimed.v1", "srcnet.problem.v1", "srcnet.event.session.v1", "srcnet.heartbeat.v1",
    ]
    private static let names = [
        "uuid", "session", "offerset", "phase", "workstep", "executable", "compute", "data", "kind", "cores", "memory",
        "min", "max", "callback", "address", "criteria", "phases", "once", "subject", "action", "resource", "iss",
        "sub",
        "groups", "limit", "after", "deadline", "mode", "revision", "set", "value", "from", "owner", "offers", "task",
        "image", "locations", "rucio", "scope", "object", "files", "size", "adler32", "status", "type", "claim",
    ]

    /// A message for one of the queues. It carries `mark` as its correlation id.
    mutating func next(mark: String, replyTo: String, user: String, queues: [String]) -> AMQPMessage {
        let pick = Int.random(in: 0..<10, using: &generator)
        let types =
            pick < 3 ? Self.queries : pick < 7 ? Self.commands : pick < 9 ? Self.unanswered : Self.others
        var properties = AMQPProperties()
        properties.type = chance(30) ? nil : types.randomElement(using: &generator)
        properties.messageID = chance(8) ? nil : chance(10) ? text() : "hostile-\(mark)"
        if properties.messageID.map({ $0.utf8.count > 255 }) == true { properties.messageID = nil }
        properties.replyTo = replyTo
        properties.correlationID = mark
        properties.userID = user
        properties.contentType = chance(20) ? "application/cloudevents+json" : chance(20) ? "image/png" : nil
        for name in [
            "deadline", "on_behalf_of", "traceparent", "sequence", "authorization", "attempt", "asker", "copy",
            "original_key", "original_exchange", "cloudEvents_subject", "cloudEvents_time", "cloudEvents_type",
            "x-stream-offset",
        ] where chance(12) {
            properties.headers[name] = header()
        }
        return AMQPMessage(
            exchange: "commands", routingKey: queues.randomElement(using: &generator) ?? "", properties: properties,
            body: body(), isMandatory: true)
    }

    private mutating func chance(_ oneIn: Int) -> Bool { Int.random(in: 0..<oneIn, using: &generator) == 0 }

    private mutating func body() -> [UInt8] {
        if chance(12) { return (0..<Int.random(in: 0..<200, using: &generator)).map { _ in byte() } }
        if chance(40) {
            let depth = Int.random(in: 1..<5_000, using: &generator)
            return Array(String(repeating: chance(2) ? "[" : "{\"a\":", count: depth).utf8)
        }
        var bytes = object(depth: 4).bytes
        // One byte other than it was.
        if chance(6), let index = bytes.indices.randomElement(using: &generator) { bytes[index] = byte() }
        if chance(20) { bytes = Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &generator))) }
        return bytes
    }

    private mutating func object(depth: Int) -> JSON {
        var members: [String: JSON] = [:]
        for _ in 0..<Int.random(in: 0..<7, using: &generator) {
            let name = chance(15) ? text() : Self.names.randomElement(using: &generator) ?? ""
            members[name] = value(depth: depth - 1)
        }
        return .object(members)
    }

    private mutating func value(depth: Int) -> JSON {
        switch Int.random(in: 0..<(depth > 0 ? 9 : 6), using: &generator) {
        case 0: return .null
        case 1: return .bool(chance(2))
        case 2: return .int(number())
        case 3: return .double(Double(number()) * (chance(3) ? 1e300 : 0.1))
        case 4: return .string(text())
        case 5: return .string(likely())
        case 6, 7: return object(depth: depth)
        default:
            var items: [JSON] = []
            for _ in 0..<Int.random(in: 0..<4, using: &generator) { items.append(value(depth: depth - 1)) }
            return .array(items)
        }
    }

    private mutating func number() -> Int64 {
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: .min
        case 1: .max
        case 2: Int64.random(in: -3...3, using: &generator)
        default: Int64.random(in: .min ... .max, using: &generator)
        }
    }

    private mutating func likely() -> String {
        let words = [
            "ACCEPTED", "CANCELLED", "interactive", "batch", "2026-11-24T10:00:00Z", "9999-12-31T23:59:59.999999Z",
            "PT10M", "P99999999Y", "6f1c9c6e-0c0e-4c5a-9f5e-0d7f3a5e0009", "client.operator.x", "workstep.submit",
            "empty",
            "../../etc/passwd", "/dev/zero", "srcnet/notebook:1", "sha256:00", "file:///etc/passwd", "demo",
        ]
        return words.randomElement(using: &generator) ?? ""
    }

    private mutating func text() -> String {
        let pieces = [
            "a", "é", "e\u{301}", "\u{0}", "\u{7F}", "\n", "\u{202E}", "𝒳", "\"", "\\", ".", "#", "*", "%s", "'",
        ]
        var text = ""
        for _ in 0..<Int.random(in: 0..<20, using: &generator) { text += pieces.randomElement(using: &generator) ?? "" }
        return text
    }

    private mutating func header() -> AMQPValue {
        switch Int.random(in: 0..<8, using: &generator) {
        case 0: .bool(true)
        case 1: .int(number())
        case 2: .double(-1e300)
        case 3: .bytes((0..<9).map { _ in byte() })
        case 4: .array([.void, .string(text())])
        case 5: .table(["a": .timestamp(.max)])
        default: .string(chance(2) ? likely() : text())
        }
    }

    private mutating func byte() -> UInt8 { UInt8.random(in: 0 ... .max, using: &generator) }
}
