import MessageBus
import Synchronization
import Wire

/// The callbacks that a client got, each once: delivery is at least once, and `message_id` tells copies.
final class CallbackLog: Sendable {
    private let callbacks = Mutex<[ReceivedMessage]>([])

    func add(_ callback: ReceivedMessage) {
        callbacks.withLock { known in
            if callback.id == nil || !known.contains(where: { $0.id == callback.id }) { known.append(callback) }
        }
    }

    func about(_ session: String) -> [ReceivedMessage] {
        callbacks.withLock { $0.filter { $0.subject == session } }
    }
}

/// The events that a client heard, each once.
final class EventLog: Sendable {
    private let events = Mutex<[ReceivedMessage]>([])

    func add(_ event: ReceivedMessage) {
        events.withLock { known in
            if event.id == nil || !known.contains(where: { $0.id == event.id }) { known.append(event) }
        }
    }

    var all: [ReceivedMessage] { events.withLock { $0 } }

    func about(_ subject: String) -> [ReceivedMessage] { all.filter { $0.key.hasSuffix("." + subject) } }

    /// The phases that a session went through, as its events tell.
    func phases(of session: String) -> [String] {
        about(session).filter { $0.key.hasPrefix("session.") }.compactMap { $0.body["phase"]?.string }
    }

    /// What the four preparing participants told about tasks of a session.
    func tasks(of session: String) -> [(key: String, body: JSON)] {
        all.filter { $0.key.hasPrefix("task.") && $0.body["session"]?.string == session }.map { ($0.key, $0.body) }
    }

    /// Everything about a session, for a test that fails.
    func story(_ session: String) -> String {
        (about(session).map { "\($0.key) \($0.body.text)" } + tasks(of: session).map { "\($0.key) \($0.body.text)" })
            .joined(separator: "\n")
    }
}
