internal import MessageBus
internal import Wire

extension Command {
    static let workstep = Command(
        name: "workstep", summary: "Keeps worksteps with the workstep editor, and executes them.",
        subcommands: [
            Command(
                name: "create", summary: "Makes a new workstep, empty or from a file of parts.",
                positionals: [
                    .init(
                        name: "FILE", help: "Its parts as JSON: executable, compute, data, schedule.", isOptional: true)
                ],
                options: .connecting
            ) { invocation in
                var body: JSON = ["from": "empty"]
                body["workstep"] = try invocation.positionals.first.map(Connecting.readJSON)
                try await ask("srcnet.workstep.create.v1", body, invocation)
            },
            Command(
                name: "show", summary: "Shows a workstep.", positionals: [workstepArgument], options: .connecting
            ) { invocation in
                try await ask("srcnet.workstep.get.v1", ["uuid": .string(try invocation.required(0))], invocation)
            },
            Command(
                name: "execute", summary: "Asks all sites for offers for a workstep, through the editor.",
                positionals: [workstepArgument], options: .connecting
            ) { invocation in
                try await ask("srcnet.workstep.execute.v1", ["uuid": .string(try invocation.required(0))], invocation)
            },
        ])

    private static let workstepArgument = Positional(name: "UUID", help: "The workstep's UUID.")

    private static func ask(_ type: String, _ body: JSON, _ invocation: Invocation) async throws {
        try await Connecting.withClient(invocation) { client in
            let answer = try await client.request(type, of: "workstep-editor", body)
            if answer.type == "srcnet.offerset.v1" {
                try show(offerset: answer.body, invocation)
            } else {
                Terminal.line(invocation.has("json") ? answer.body.text : answer.body.prettyText)
            }
        }
    }
}
