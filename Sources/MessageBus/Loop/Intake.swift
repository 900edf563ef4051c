internal import AMQP
internal import Digests
internal import Store
internal import Wire

/// The checks that every delivery passes before a participant sees it, in the order of contract.md ("Order of checks").
struct Intake: Sendable {
    /// A body larger than this is refused (contract.md, Limits).
    static let bodyLimit = 1 << 20

    let address: String
    let accepts: [String: Treatment]
    /// Users whose `on_behalf_of` is believed.
    let services: Set<String>

    enum Result {
        case accepted(Message, Treatment, fingerprint: [UInt8])
        /// Refused: answered where there is a `reply_to`, parked otherwise. Signs of life are dropped.
        case refused(Problem, Request, Treatment?)
    }

    /// What an answer to a delivery needs, whatever is wrong with it. Where it may not be answered there is no `replyTo`.
    func request(
        _ delivery: AMQPDelivery, _ origin: Origin, _ trace: TraceContext, id: String?, isRemembered: Bool = false
    ) -> Request {
        let properties = delivery.properties
        return Request(
            sender: origin.sender, messageID: id,
            replyTo: Self.mayBeAnswered(properties.replyTo, origin.sender) ? properties.replyTo : nil,
            correlationID: properties.correlationID, traceparent: trace.header,
            isRemembered: isRemembered)
    }

    func check(
        _ delivery: AMQPDelivery, _ origin: Origin, _ trace: TraceContext, at now: Timestamp
    ) -> Result {
        let properties = delivery.properties
        var type = properties.type ?? delivery.attribute("type")
        var id = properties.messageID ?? delivery.attribute("id")
        var subject = delivery.attribute("subject")
        let sender = origin.sender
        func refuse(_ kind: Problem.Kind, _ detail: String) -> Result {
            // An empty pointer is the message as a whole: what is wrong is a property or a header, not a field.
            let errors = kind == .invalid ? [Problem.Fault(pointer: "", detail: detail)] : []
            let problem = Problem(kind, detail, errors: errors)
            return .refused(problem, request(delivery, origin, trace, id: id), type.flatMap { accepts[$0] })
        }

        guard delivery.body.count <= Self.bodyLimit else {
            return refuse(.tooLarge, "the body has \(delivery.body.count) bytes; at most \(Self.bodyLimit) are taken")
        }
        var body: JSON
        do throws(JSONSyntaxError) {
            body = try JSON(parsing: delivery.body)
        } catch {
            return refuse(.malformed, "the body is not JSON: \(error)")
        }
        guard body.object != nil else { return refuse(.malformed, "the body is JSON but not an object") }
        if properties.contentType?.hasPrefix("application/cloudevents+json") == true {
            type = body["type"]?.string
            id = body["id"]?.string ?? id
            subject = body["subject"]?.string ?? subject
            body = body["data"] ?? [:]
            guard body.object != nil else { return refuse(.malformed, "the CloudEvent's data is not an object") }
        }
        guard let type, let treatment = accepts[type] else {
            return refuse(.unknownType, type.map { "\(address) does not know the type \($0)" } ?? "the type is missing")
        }
        if delivery.hasHeader("authorization") {
            return refuse(.notAuthenticated, "tokens are not accepted here; ask as a user of RabbitMQ (user_id)")
        }
        guard !sender.isEmpty else {
            return refuse(.notAuthenticated, "user_id is missing: set it to the user of the connection")
        }
        guard Self.mayBeAnswered(properties.replyTo, sender) else {
            return refuse(.invalid, "reply_to of \(sender) must begin with client.\(sender).")
        }
        var asker = Caller(sub: sender)
        // A header of another type than text is no absent one: who meant to speak for somebody must not act as itself.
        if delivery.hasHeader("on_behalf_of") {
            guard services.contains(sender), let text = delivery.header("on_behalf_of"),
                let caller = (try? JSON(parsing: text)).flatMap(Caller.init)
            else {
                return refuse(.notAuthenticated, "\(sender) may not ask on behalf of others, or does not say for whom")
            }
            asker = caller
        }
        if treatment == .command, (id ?? "").isEmpty {
            return refuse(.invalid, "the property message_id is required for a command")
        }
        if let id, id.utf8.count > 255 {
            return refuse(.invalid, "message_id is longer than 255 bytes")
        }
        var deadline: Timestamp?
        if delivery.hasHeader("deadline") {
            guard let instant = delivery.instant("deadline") else {
                return refuse(.invalid, "the header deadline must be an instant as RFC 3339, or an AMQP timestamp")
            }
            deadline = instant
        }
        if let deadline, deadline < now, treatment == .command || treatment == .query {
            return refuse(.deadlineExceeded, "the deadline \(deadline) passed before \(address) received the message")
        }
        let message = Message(
            type: type, id: id, key: origin.key, sender: sender, asker: asker, replyTo: properties.replyTo,
            correlationID: properties.correlationID, deadline: deadline, subject: subject,
            sequence: delivery.number("sequence"), traceparent: trace.header, body: body,
            isRemembered: treatment == .command)
        return .accepted(message, treatment, fingerprint: Self.fingerprint(type, origin.key, delivery.body))
    }

    /// Whether an answer may go where a message wants it: a user that is no participant hears under its own name only
    /// (contract.md, Envelope), so that nobody can have answers sent into a participant's queue.
    private static func mayBeAnswered(_ replyTo: String?, _ sender: String) -> Bool {
        guard let replyTo else { return true }
        if sender.isEmpty { return replyTo.hasPrefix("client.") }
        let name = String(sender.prefix { $0 != "." })
        return ParticipantName(rawValue: name) != nil || replyTo.hasPrefix("client.\(sender).")
    }

    /// A hash of what must be the same when a message comes again: type, key and bytes.
    private static func fingerprint(_ type: String, _ key: String, _ body: [UInt8]) -> [UInt8] {
        SHA256.digest(of: Array(type.utf8) + [0] + Array(key.utf8) + [0] + body)
    }
}
