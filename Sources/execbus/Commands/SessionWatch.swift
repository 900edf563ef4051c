internal import Glibc
internal import MessageBus
internal import Processes
internal import Wire

/// Accepts an offer and follows its session by callbacks: bars for the preparations, then the end.
struct SessionWatch {
    let client: BusClient
    let session: String
    let site: String
    /// Whether bars are drawn.
    let isShown: Bool
    private let callbacks: AsyncStream<ReceivedMessage>

    init(client: BusClient, session: String, site: String, isShown: Bool) {
        self.client = client
        self.session = session
        self.site = site
        self.isShown = isShown
        callbacks = client.callbacks()
    }

    var broker: String { "execution-broker.\(site)" }

    /// Sends ACCEPTED with a callback that fires when the session is available and when it has ended, and waits for the
    /// first one.
    /// - Parameters:
    ///   - content: the fields that the callback is to carry; contract.md's default where nil.
    ///   - patience: how long after the start that was offered the session may be ready.
    ///   - isInterruptible: whether Ctrl-C ends the waiting with an error of its own.
    ///   - accepted: called with the answer to the acceptance.
    func accept(
        content: [String]? = nil, patience: Duration = .seconds(300), isInterruptible: Bool = false,
        accepted: (ReceivedMessage) -> Void = { _ in }
    ) async throws -> ReceivedMessage {
        // The first progress may come before the answer. It is shown after what is said of the answer.
        let (answered, said) = AsyncStream.makeStream(of: Void.self)
        let drawing = isShown ? Task { try? await drawBars(after: answered) } : nil
        defer { drawing?.cancel() }
        var callback: JSON = [
            "type": "amqp", "address": .string(client.address),
            "criteria": ["phases": ["AVAILABLE"], "once": true],
        ]
        callback["content"] = content.map { .array($0.map(JSON.string)) }
        let answer = try await client.request(
            "srcnet.session.set-phase.v1", of: broker,
            ["session": .string(session), "phase": "ACCEPTED", "callback": callback])
        let interrupts = isInterruptible ? try await Signals.stream([SIGINT]) : nil
        accepted(answer)
        said.finish()
        let untilStart = OfferedSchedule(of: answer.body).start.map { $0 - .now() } ?? .zero
        return try await nextCallback(max(.zero, untilStart) + patience, interrupts)
    }

    /// The next callback about the session.
    func nextCallback(
        _ patience: Duration, _ interrupts: AsyncStream<Int32>? = nil
    ) async throws -> ReceivedMessage {
        try await withThrowingTaskGroup(of: ReceivedMessage?.self) { group in
            group.addTask {
                for await callback in callbacks where callback.subject == session { return callback }
                return nil
            }
            group.addTask {
                try await Task.sleep(for: patience)
                throw Failure(.timeout, "no callback came within \(Units.duration(patience))")
            }
            if let interrupts {
                group.addTask {
                    for await _ in interrupts { throw Failure(.interrupted, "interrupted") }
                    return nil
                }
            }
            defer { group.cancelAll() }
            guard let callback = try await group.next() ?? nil else { throw CancellationError() }
            return callback
        }
    }

    /// The phase that a callback tells of, in either form of its content.
    static func phase(in callback: ReceivedMessage) -> String? {
        callback.body["phase"]?.string
            ?? callback.body["content"]?.string?.split(separator: ": ").last.map(String.init)
    }

    /// One bar for each of the four that prepare, moved by the events of their tasks.
    private func drawBars(after answered: AsyncStream<Void>) async throws {
        var bars = ProgressBars(["prepare-data", "cavern", "harbor", "canfar"])
        try await client.hear(["task.\(site).#"]) { event in
            guard event.body["session"]?.string == session else { return true }
            for await _ in answered {}
            let words = event.key.split(separator: ".").map(String.init)
            guard words.count == 4, let dash = words[2].lastIndex(of: "-") else { return true }
            bars.update(String(words[2][..<dash])) { bar in
                bar.status = String(words[2][words[2].index(after: dash)...])
                bar.done = event.body["progress"]?["done"]?.int ?? bar.done
                bar.total = event.body["progress"]?["total"]?.int ?? bar.total
                if event.body["progress"]?["unit"]?.string == "bytes", let total = bar.total {
                    bar.note = Units.bytes(total)
                }
                if let reason = event.body["reason"]?.string { bar.note = reason }
            }
            return true
        }
    }
}
