internal import MessageBus
internal import Synchronization
internal import Wire

/// Collects what clients see, from all of them.
package final class Recorder: Sendable {
    private struct Contents {
        var history: History
        /// The newest phase that was heard of each session.
        var phases: [String: String] = [:]
    }

    private let contents: Mutex<Contents>

    package init(sites: [String: History.Amount]) { contents = Mutex(Contents(history: History(sites: sites))) }

    /// All of it so far.
    package var history: History { contents.withLock(\.history) }

    /// The phase that a session has, as far as it was heard.
    package func phase(of session: String) -> String? { contents.withLock { $0.phases[session] } }

    package func update(_ body: (inout History) -> Void) { contents.withLock { body(&$0.history) } }

    func note(_ command: History.Command) { update { $0.commands.append(command) } }

    func note(answer message: ReceivedMessage, to command: String) {
        update { $0.answers.append(.init(to: command, type: message.type, body: message.body, time: .now())) }
    }

    func note(callback message: ReceivedMessage) { update { $0.callbacks.append(.init(message)) } }

    func note(recorded message: ReceivedMessage) { update { $0.recorded.append(.init(message)) } }

    func note(event message: ReceivedMessage) {
        contents.withLock { contents in
            contents.history.events.append(.init(message))
            if message.key.hasPrefix("session."), !message.key.contains(".ending.") {
                contents.phases[message.subject ?? ""] = message.body["phase"]?.string
            }
        }
    }

    /// The free capacity that a broker tells of; what others say of themselves is left out.
    func note(sign message: ReceivedMessage) {
        let words = message.key.split(separator: ".").map(String.init)
        guard words.count == 3, words[1] == "execution-broker", let free = message.body["capacity"]?["free"],
            let cores = free["cores"]?.int, let memory = free["memory"]?.int
        else { return }
        let amount = History.Amount(cores: cores, memory: memory)
        update { $0.signs.append(.init(site: words[0], free: amount, time: message.time ?? .now())) }
    }
}

extension History.Fact {
    init(_ message: ReceivedMessage) {
        self.init(
            id: message.id ?? "", key: message.key, subject: message.subject ?? "", sequence: message.sequence,
            correlation: message.correlationID, time: message.time ?? .now(), body: message.body)
    }
}
