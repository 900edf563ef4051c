internal import MessageBus
internal import Wire

extension Command {
    static let worker = Command(
        name: "worker", summary: "Runs one participant until it is told to stop (SIGTERM).",
        discussion: """
            The worker connects as its own user of RabbitMQ, whose name is its address (cavern.ral), by the URI in
            EXECBUS_AMQP or --amqp. It keeps what it must not forget in one SQLite file, or on a PostgreSQL server, and may be
            killed at any time.
            It says "ready" on standard output when it serves its queues.
            """,
        positionals: [.init(name: "NAME", help: "One of \(participantNames).")],
        options: [
            .value("site", "SITE", "The site, for a participant that each site has."),
            .value("amqp", "URI", "Where RabbitMQ is; default: EXECBUS_AMQP, which no other user can see."),
            .value(
                "store", "PLACE",
                "Its memory: a file, made where it is missing, or postgresql://… Default: ADDRESS.sqlite."),
            .value("policy", "FILE", "The policy: who may do what, and who may speak for others."),
            .value("site-file", "FILE", "The configuration of the site."),
            .value("sites", "LIST", "Sites that are asked for offers, for global-execution; those heard are added."),
            .value("instance", "NAME", "Tells replicas apart; default: the process number."),
            .value(
                "retries", "LIST",
                "After which delays what failed is handled again: 1s, 10s, 1m, 10m, or none; default: EXECBUS_RETRIES, "
                    + "otherwise each once."),
            .value("http", "PORT", "Shows /metrics, /livez and /readyz on this port of 127.0.0.1; 0: a free one."),
            .value("log-format", "FORMAT", "How logs are written: text (default), or json, one object in each line."),
            .value("log", "LEVEL", "What it writes of itself: debug, info (default), warning or error."),
        ]
    ) { invocation in
        let word = try invocation.required(0)
        guard let name = ParticipantName(rawValue: word) else {
            throw UsageError("there is no participant \(word); there are \(participantNames)")
        }
        try await WorkerProcess(name: name, invocation).run()
    }

    private static let participantNames = ParticipantName.allCases.map(\.rawValue).joined(separator: ", ")
}
