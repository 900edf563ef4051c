internal import AMQP
internal import MessageBus
internal import Wire

extension Command {
    static let watch = Command(
        name: "watch", summary: "Shows events, one line each: live, and before that from the history.",
        discussion: """
            PATTERN is a binding key of a topic exchange: a star is one word, # any number of words.
              'session.#'                each phase of every session
              'session.*.available.#'    every session that has become available
              '*.ral.#'                  all of one site
              '*.*.*.UUID'               all about one thing
            Standard error says "hears …" once nothing more can be missed. While the connection is lost events are missed:
            it says so, and when it hears again. What was missed is in the history: --from shows it, from a start on, and then goes
            on live without missing any. In JSON each such event has its `offset`; go on by --from with the next one.
            """,
        positionals: [.init(name: "PATTERN", help: "Which routing keys to show; default: # (all).", isOptional: true)],
        options: .connecting + [
            .value("count", "N", "Ends after so many events."),
            .value("from", "START", "From the history: first, last, a time (2026-11-24T10:00:00Z), or an offset."),
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
        let start = try invocation["from"].map { text in
            guard let start = HistoryStart(text) else {
                throw UsageError("--from takes first, last, a time such as 2026-11-24T10:00:00Z, or an offset")
            }
            return start
        }
        if start != nil, invocation.has("ordered") {
            throw UsageError("--from shows events as the history has them, in order: leave --ordered out")
        }
        let configuration = try Connecting.configuration(invocation)
        try await withAMQPConnection(configuration) { connection in
            let events = connection.events()
            let telling = Task { await tellOfLosses(events, pattern, isMissing: start == nil) }
            defer { telling.cancel() }
            let user = configuration.user
            let ready = { Terminal.complain("hears \(pattern) as \(user)") }
            let show = { (event: ReceivedMessage, offset: Int64?) in
                let isJSON = invocation.has("json")
                guard Terminal.line(isJSON ? json(event, offset).text : line(event)) else { return false }
                left = left.map { $0 - 1 }
                return left != 0
            }
            if let start {
                try await BusClient.recall([pattern], from: start, over: connection, ready: ready, show)
                return
            }
            guard invocation.has("ordered") else {
                try await BusClient.hear([pattern], over: connection, as: user, ready: ready) { show($0, nil) }
                return
            }
            try await BusClient.hearInOrder(
                [pattern], over: connection, as: user, ready: ready,
                missed: { subject, numbers in
                    let what = numbers.count == 1 ? "event \(numbers.lowerBound)" : "events \(numbers)"
                    Terminal.complain("\(what) of \(subject) did not come")
                }, { show($0, nil) })
        }
    }

    /// A queue of one's own goes with the connection, so what happens in between is not heard; the history stays.
    private static func tellOfLosses(
        _ events: AsyncStream<AMQPConnectionEvent>, _ pattern: String, isMissing: Bool
    ) async {
        var lost: ContinuousClock.Instant?
        for await event in events {
            switch event {
            case .lost(let error):
                if lost == nil {
                    let consequence = isMissing ? ", and misses events until it is back" : " until it is back"
                    Terminal.complain("hears nothing\(consequence): \(error.message)")
                    lost = .now
                }
            case .consumerRecovered:
                guard let since = lost else { break }
                let time = Units.duration(.now - since)
                let consequence = isMissing ? "; events in between were missed" : ", and goes on where it was"
                Terminal.complain("hears \(pattern) again after \(time)\(consequence)")
                lost = nil
            default: break
            }
        }
    }

    private static func json(_ event: ReceivedMessage, _ offset: Int64?) -> JSON {
        .object(compacting: [
            "key": .string(event.key), "type": .string(event.type), "id": event.id.map(JSON.string),
            "sender": .string(event.sender), "sequence": event.sequence.map(JSON.int),
            "time": event.time.map { .string($0.description) }, "offset": offset.map(JSON.int), "body": event.body,
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
