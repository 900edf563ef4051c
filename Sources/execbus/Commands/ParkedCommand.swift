internal import LocalNetwork
internal import MessageBus
internal import Wire

extension Command {
    static let parked = Command(
        name: "parked", summary: "Shows messages that could not be handled, sends them again, or drops them.",
        discussion: """
            A message that no further try helps rests in the parked queue of its participant, with the reason. What it was
            sent for has not happened. When the fault is mended, replay it: it has its effect then, once.
            """,
        subcommands: [
            Command(
                name: "list", summary: "Lists parked messages; they stay where they are.",
                positionals: [ids], options: .connecting + selecting
            ) { invocation in
                let selection = try ParkedSelection(invocation)
                try await ParkedQueues.with(invocation) { queues in
                    var found: [ParkedEntry] = []
                    for queue in try await queues.filled(selection.queue) {
                        let reading = try await queues.read(queue, limit: selection.limit)
                        found += reading.entries(selection)
                        await reading.giveBack()
                        if let note = reading.note { Terminal.complain(note) }
                    }
                    ParkedText.show(found, invocation)
                }
            },
            Command(
                name: "show", summary: "Prints everything of one message, its body as well.",
                positionals: [.init(name: "ID", help: "Its message_id.")], options: .connecting + [queueOption, sites]
            ) { invocation in
                let selection = try ParkedSelection(invocation)
                try await ParkedQueues.with(invocation) { queues in
                    var found: [ParkedEntry] = []
                    for queue in try await queues.filled(selection.queue) {
                        let reading = try await queues.read(queue, limit: ParkedQueues.limit)
                        found += reading.entries(selection)
                        await reading.giveBack()
                    }
                    guard !found.isEmpty else {
                        throw Failure(.failed, "no parked message has the id \(try invocation.required(0))")
                    }
                    for entry in found {
                        Terminal.line(invocation.has("json") ? ParkedText.json(entry).text : ParkedText.whole(entry))
                    }
                }
            },
            Command(
                name: "replay", summary: "Sends parked messages to their participants again.",
                discussion: """
                    They keep their message_id and their order, and their tries begin anew. Each is confirmed by RabbitMQ before it
                    is taken out of the parked queue: what is interrupted is begun again by the same command, and nothing has a
                    second effect.

                    The user needs RabbitMQ's tag impersonator, since participants believe only themselves who sent a message at first.
                    The operator of `execbus up` has it; elsewhere: rabbitmqctl set_user_tags NAME administrator impersonator.
                    """,
                positionals: [ids],
                options: .connecting + selecting + [
                    all,
                    .flag("ignore-deadline", "Takes deadlines away; without it a message past its own is left parked."),
                ]
            ) { invocation in
                try await ParkedQueues.with(invocation) {
                    try await $0.replay(try ParkedSelection(changing: invocation), invocation)
                }
            },
            Command(
                name: "drop", summary: "Removes parked messages for good.",
                positionals: [ids], options: .connecting + selecting + [all, .flag("yes", "Does not ask.")]
            ) { invocation in
                try await ParkedQueues.with(invocation) {
                    try await $0.drop(try ParkedSelection(changing: invocation), invocation)
                }
            },
        ])

    private static let ids = Positional(name: "ID", help: "Only these message_ids.", isOptional: true, isRepeated: true)
    private static let queueOption = Option.value(
        "queue", "NAME", "Only those of this participant, such as cavern.ral; unrouted: those that no queue took.")
    private static let sites = Option.value(
        "sites", "LIST", "The sites of the network; default: those of --state, otherwise ral,caen.")
    private static let all = Option.flag("all", "All of them, where nothing else says which.")
    private static let selecting: [Option] = [
        queueOption, sites,
        .value("type", "TYPE", "Only those of this type, such as srcnet.session.set-phase.v1."),
        .value("reason", "TEXT", "Only those whose reason holds this text."),
        .value("since", "TIME", "Only those that failed since: 2026-11-24T10:00:00Z, or 30m, 2h, 3d ago."),
        .value("until", "TIME", "Only those that failed before."),
        .value("limit", "N", "Looks at so many of each queue at most, the oldest first; default and most: 2000."),
    ]
}

/// Which parked messages a command is about.
struct ParkedSelection {
    let ids: Set<String>
    let queue: String?
    let type: String?
    let reason: String?
    let since: Timestamp?
    let until: Timestamp?
    let limit: Int

    init(_ invocation: Invocation, now: Timestamp = .now()) throws {
        ids = Set(invocation.positionals)
        // Both names of a queue are understood.
        queue = invocation["queue"].map { $0.hasSuffix(".parked") ? $0 : "\($0).parked" }
        type = invocation["type"]
        reason = invocation["reason"]
        since = try invocation["since"].map { try Self.time($0, "since", now) }
        until = try invocation["until"].map { try Self.time($0, "until", now) }
        guard let limit = Int(invocation["limit"] ?? "\(ParkedQueues.limit)"), (1...ParkedQueues.limit).contains(limit)
        else { throw UsageError("--limit takes a whole number from 1 to \(ParkedQueues.limit)") }
        self.limit = limit
    }

    /// A selection for a command that changes something: that it is about everything has to be said.
    init(changing invocation: Invocation) throws {
        try self.init(invocation)
        let isSaid =
            !ids.isEmpty || [queue, type, reason].contains { $0 != nil } || since != nil || until != nil
            || invocation.has("all")
        guard isSaid else {
            throw UsageError("which messages? name ids, --queue, --type, --reason, --since, --until, or --all")
        }
    }

    func contains(_ message: ParkedMessage) -> Bool {
        if !ids.isEmpty { guard let id = message.id, ids.contains(id) else { return false } }
        if let type, message.type != type { return false }
        if let reason, !message.reason.contains(reason) { return false }
        if let since { guard let failed = message.lastFailed, failed >= since else { return false } }
        if let until { guard let failed = message.lastFailed, failed < until else { return false } }
        return true
    }

    private static func time(_ text: String, _ name: String, _ now: Timestamp) throws -> Timestamp {
        if let instant = Timestamp(text) { return instant }
        let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400]
        guard let unit = text.last.flatMap({ units[$0] }), let count = Int64(text.dropLast()),
            (0...1_000_000).contains(count)
        else {
            throw UsageError(
                "--\(name) takes an instant such as 2026-11-24T10:00:00Z, or a time ago such as 30m, 2h, 3d")
        }
        return now - .seconds(count * unit)
    }
}
