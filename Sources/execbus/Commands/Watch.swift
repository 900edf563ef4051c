internal import AMQP
internal import MessageBus
internal import Wire

extension Command {
    static let watch = Command(
        name: "watch", summary: "Shows live events, one line each.",
        discussion: """
            PATTERN is a binding key of a topic exchange: a star is one word, # any number of words.
              'session.#'                each phase of every session
              'session.*.available.#'    every session that has become available
              '*.ral.#'                  all of one site
              '*.*.*.UUID'               all about one thing
            Standard error says "hears …" once nothing more can be missed. While the connection is lost events are missed:
            it says so, and when it hears again. What was missed is in the stream queue history.
            """,
        positionals: [.init(name: "PATTERN", help: "Which routing keys to show; default: # (all).", isOptional: true)],
        options: .connecting + [
            .value("count", "N", "Ends after so many events."),
            .flag(
                "ordered", "Each event once and in the order of its subject; tells of numbers that do not come in 10 s."
            ),
        ]
    ) { invocation in
        var left = try invocation["count"].map { text in
            guard let count = Int(text), count > 0 else { throw UsageError("--count takes a whole number above 0") }
            return count
        }
        let pattern = invocation.positionals.first ?? "#"
        let configuration = try Connecting.configuration(invocation)
        try await withAMQPConnection(configuration) { connection in
            let events = connection.events()
            let telling = Task { await tellOfLosses(events, pattern) }
            defer { telling.cancel() }
            let user = configuration.user
            let ready = { Terminal.complain("hears \(pattern) as \(user)") }
            let show = { (event: ReceivedMessage) in
                guard Terminal.line(invocation.has("json") ? json(event).text : line(event)) else { return false }
                left = left.map { $0 - 1 }
                return left != 0
            }
            guard invocation.has("ordered") else {
                try await BusClient.hear([pattern], over: connection, as: user, ready: ready, show)
                return
            }
            try await BusClient.hearInOrder(
                [pattern], over: connection, as: user, ready: ready,
                missed: { subject, numbers in
                    let what = numbers.count == 1 ? "event \(numbers.lowerBound)" : "events \(numbers)"
                    Terminal.complain("\(what) of \(subject) did not come")
                }, show)
        }
    }

    /// The queue goes with the connection, so what happens in between is not heard.
    private static func tellOfLosses(_ events: AsyncStream<AMQPConnectionEvent>, _ pattern: String) async {
        var lost: ContinuousClock.Instant?
        for await event in events {
            switch event {
            case .lost(let error):
                if lost == nil {
                    Terminal.complain("hears nothing, and misses events until it is back: \(error.message)")
                    lost = .now
                }
            case .consumerRecovered:
                guard let since = lost else { break }
                let time = Units.duration(.now - since)
                Terminal.complain("hears \(pattern) again after \(time); events in between were missed")
                lost = nil
            default: break
            }
        }
    }

    private static func json(_ event: ReceivedMessage) -> JSON {
        .object(compacting: [
            "key": .string(event.key), "type": .string(event.type), "id": event.id.map(JSON.string),
            "sender": .string(event.sender), "sequence": event.sequence.map(JSON.int),
            "time": event.time.map { .string($0.description) }, "body": event.body,
        ])
    }

    private static func line(_ event: ReceivedMessage) -> String {
        let time = event.time.map { Style.faint(String($0.description.dropFirst(11).prefix(12))) } ?? ""
        let words = event.key.split(separator: ".").map(String.init)
        let what =
            words.count == 4
            ? "\(words[0]) \(Style.bold(words[2])) at \(words[1])  \(Style.faint(words[3]))" : event.key
        var note = event.body["reason"]?.string ?? ""
        if let done = event.body["progress"]?["done"]?.int, let total = event.body["progress"]?["total"]?.int {
            note = "\(Units.bytes(done)) of \(Units.bytes(total))"
        }
        return "\(time) \(what)\(note.isEmpty ? "" : "  \(note)")"
    }
}
