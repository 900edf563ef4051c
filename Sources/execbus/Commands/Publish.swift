internal import AMQP
internal import MessageBus
internal import Wire

extension Command {
    static let publish = Command(
        name: "publish", summary: "Publishes any message of the contract and shows its answer.",
        discussion: """
              execbus publish srcnet.offerset.get.v1 --to global-execution --body '{"uuid": "…"}'

            RabbitMQ lets a user publish only to the participants that it has to do with; all of them may be asked by
            --user operator alone, who administrates the network of `execbus up`.
            """,
        positionals: [.init(name: "TYPE", help: "What it is, such as srcnet.session.get.v1.")],
        options: .connecting + [
            .value("to", "KEY", "The routing key, such as execution-broker.ral."),
            .value("exchange", "NAME", "The exchange; default: commands."),
            .value("body", "JSON", "The body, as it stands; default: {}."),
            .value("file", "FILE", "Takes the body from a file as it stands, - for standard input; it must be JSON."),
            .flag("raw", "Sends the file also where it is no JSON, to see what the participant answers."),
            .value("id", "ID", "The message_id; default: a new one. The same id again has no second effect."),
            .value("wait", "SECONDS", "How long to wait for the answer; 0: do not ask for one. Default: 10."),
        ]
    ) { invocation in
        guard let key = invocation["to"] else { throw UsageError("--to KEY says who gets it") }
        let name = invocation["exchange"] ?? Exchange.commands.rawValue
        guard let exchange = Exchange(rawValue: name) else { throw UsageError("there is no exchange \(name)") }
        guard let wait = Double(invocation["wait"] ?? "10"), wait >= 0, wait < 86_400 else {
            throw UsageError("--wait takes seconds")
        }
        let bytes = try invocation["file"].map(Connecting.readBytes) ?? Array((invocation["body"] ?? "{}").utf8)
        if let file = invocation["file"], !invocation.has("raw") { _ = try Connecting.parse(bytes, from: file) }
        let type = try invocation.required(0)
        try await Connecting.withClient(invocation) { client in
            guard wait > 0, exchange == .commands || exchange == .offers else {
                try await client.publish(type, to: key, bytes, exchange: exchange, id: invocation["id"])
                return
            }
            let answer: ReceivedMessage
            do throws(BusClientError) {
                answer = try await client.request(
                    type, of: key, bytes: bytes, exchange: exchange, id: invocation["id"],
                    patience: .microseconds(Int64(wait * 1_000_000)))
            } catch {
                guard case .connection(let cause) = error, cause.code == .accessRefused else { throw error }
                throw Failure(.notAuthorised, "\(error) (--user operator may ask every participant)")
            }
            if !invocation.has("json") { Terminal.line(Style.faint("\(answer.type) from \(answer.sender)")) }
            Terminal.line(invocation.has("json") ? answer.body.text : answer.body.prettyText)
        }
    }
}
