internal import MessageBus
internal import Wire

extension Command {
    static let submit = Command(
        name: "submit", summary: "Asks all sites for offers for a workstep.",
        discussion: """
            FILE holds the parts of a workstep as JSON: executable, compute, data, schedule; or {"uuid": …} of one that the
            workstep editor keeps. Examples/worksteps has some to begin with.
            """,
        positionals: [.init(name: "FILE", help: "A JSON file, or - for standard input.")],
        options: .connecting + [
            .value("deadline", "SECONDS", "How long sites may think; default: 2."),
            .value("mode", "MODE", "How it is to run: interactive (default) or batch."),
        ]
    ) { invocation in
        guard let seconds = Double(invocation["deadline"] ?? "2"), (0.1...60).contains(seconds) else {
            throw UsageError("--deadline takes 0.1 to 60 seconds")
        }
        let file = try Connecting.readJSON(try invocation.required(0))
        let patience = Duration.microseconds(Int64(seconds * 1_000_000))
        try await Connecting.withClient(invocation) { client in
            var body: JSON = ["workstep": file["workstep"] ?? file]
            body["deadline"] = .string((Timestamp.now() + patience).description)
            body["mode"] = invocation["mode"].map(JSON.string)
            let answer = try await client.request(
                "srcnet.workstep.submit.v1", of: "global-execution", body, patience: patience + .seconds(10))
            try show(offerset: answer.body, invocation)
        }
    }

    static let offers = Command(
        name: "offers", summary: "Shows the offers of an offerset again.",
        positionals: [.init(name: "OFFERSET", help: "Its UUID, as submit has told it.")], options: .connecting
    ) { invocation in
        try await Connecting.withClient(invocation) { client in
            let answer = try await client.request(
                "srcnet.offerset.get.v1", of: "global-execution", ["uuid": .string(try invocation.required(0))])
            try show(offerset: answer.body, invocation)
        }
    }

    /// Shows an offerset; one without an offer is an error after that.
    static func show(offerset: JSON, _ invocation: Invocation) throws {
        if invocation.has("json") {
            Terminal.line(offerset.text)
        } else {
            Terminal.line("offerset \(offerset["meta"]?["uuid"]?.string ?? "?")")
            Terminal.line(OfferTable(offerset: offerset, now: .now()).text)
        }
        guard offerset["result"]?.string == "YES" else {
            throw Failure(.noOffer, "no site makes an offer", isTold: true)
        }
    }
}
