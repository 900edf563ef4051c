internal import LocalNetwork
internal import Wire

extension Command {
    static let status = Command(
        name: "status", summary: "Says whether a network runs in a folder, and where.",
        discussion: """
            The exit code is 0 where one serves, and 7 where none does: none was started there, it is starting or stopping,
            its RabbitMQ does not answer, or its `execbus up` was killed. JSON has `state`: serving, waiting (for RabbitMQ),
            busy, killed or absent.
            """,
        options: [
            .value("state", "DIR", "The folder of `execbus up`; default: .execbus here."),
            .flag("json", "Writes JSON for scripts, without passwords."),
        ]
    ) { invocation in
        let folder = invocation["state"] ?? Connecting.defaultState
        let state = try Connecting.networkState(folder)
        var isAnswered = true
        if case .serving(let network, _) = state { isAnswered = await network.isAnswered() }
        if invocation.has("json") {
            Terminal.line(state.json(folder, isAnswered: isAnswered).text)
        } else if isAnswered, case .serving(let network, let process) = state {
            Terminal.line("serves     \(Style.bold(network.amqp))" + (process.map { "  (process \($0))" } ?? ""))
            Terminal.line("sites      \(network.sites.joined(separator: ", "))")
            Terminal.line("workers    \(network.workers.count); execbus ping asks each whether it answers")
            for user in network.users {
                let name = user.name + String(repeating: " ", count: max(1, 10 - user.name.count))
                Terminal.line("--user     \(name) may \(user.may)")
            }
        }
        do {
            _ = try Connecting.description(of: state, in: folder)
            if !isAnswered { throw Connecting.withoutRabbitMQ(folder) }
        } catch let failure as Failure {
            throw Failure(failure.code, failure.description, isTold: true)
        }
    }
}

extension NetworkState {
    /// What a script wants to know.
    fileprivate func json(_ folder: String, isAnswered: Bool) -> JSON {
        switch self {
        case .serving(let network, let process):
            .object(compacting: [
                "state": isAnswered ? "serving" : "waiting", "folder": .string(folder),
                "pid": process.map { .int(Int64($0)) },
                "amqp": .string(network.amqp), "sites": .array(network.sites.map(JSON.string)),
                "workers": .array(
                    network.workers.map { worker in
                        .object(compacting: [
                            "name": .string(worker.name), "site": worker.site.map(JSON.string),
                            "pid": .int(Int64(worker.pid)),
                        ])
                    }),
                "users": .array(network.users.map { ["name": .string($0.name), "may": .string($0.may)] }),
            ])
        case .busy(let process):
            .object(compacting: [
                "state": "busy", "folder": .string(folder), "pid": process.map { .int(Int64($0)) },
            ])
        case .killed: ["state": "killed", "folder": .string(folder)]
        case .absent: ["state": "absent", "folder": .string(folder)]
        }
    }
}
