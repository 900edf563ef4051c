internal import MessageBus
internal import Wire

extension Command {
    static let accept = Command(
        name: "accept", summary: "Takes an offer, shows its preparation, and gives the session's link.",
        positionals: [.init(name: "OFFER", help: "Its UUID; the session has the same.")],
        options: .connecting + [
            .value("site", "SITE", "The offer's site; default: looked up."),
            .value("timeout", "SECONDS", "How long the session may take to be ready; default: 300."),
            .flag("no-wait", "Ends as soon as the offer is accepted."),
        ]
    ) { invocation in
        let offer = try invocation.required(0)
        guard let timeout = Double(invocation["timeout"] ?? "300"), timeout > 0, timeout < 1e6 else {
            throw UsageError("--timeout takes seconds")
        }
        try await Connecting.withClient(invocation) { client in
            let site = try await siteOf(offer, client, invocation)
            if invocation.has("no-wait") {
                let answer = try await client.request(
                    "srcnet.session.set-phase.v1", of: "execution-broker.\(site)",
                    ["session": .string(offer), "phase": "ACCEPTED"])
                show(session: answer.body, invocation)
                return
            }
            let watch = SessionWatch(
                client: client, session: offer, site: site, isShown: !invocation.has("json"))
            let callback = try await watch.accept(patience: .microseconds(Int64(timeout * 1_000_000)))
            let session = try await client.request(
                "srcnet.session.get.v1", of: watch.broker, ["session": .string(offer)])
            show(session: session.body, invocation)
            let phase = SessionWatch.phase(in: callback)
            guard phase == "AVAILABLE" || phase == "RUNNING" else {
                let why = reason(of: session.body).map { ": \($0)" } ?? ""
                throw Failure(.sessionFailed, "the session is \(phase ?? "gone")\(why)")
            }
        }
    }

    static let session = Command(
        name: "session", summary: "Shows, ends and lists sessions.",
        subcommands: [
            Command(
                name: "show", summary: "Shows a session: phase, schedule, and the link if it is yours.",
                positionals: [sessionArgument], options: sessionOptions
            ) { invocation in
                try await ask("srcnet.session.get.v1", [:], invocation)
            },
            Command(
                name: "cancel", summary: "Stops a session at once; nothing of it is kept.",
                positionals: [sessionArgument], options: sessionOptions
            ) { invocation in
                try await ask("srcnet.session.set-phase.v1", ["phase": "CANCELLED"], invocation)
            },
            Command(
                name: "release", summary: "Ends a session well: results are kept, then all is released.",
                positionals: [sessionArgument], options: sessionOptions
            ) { invocation in
                try await ask("srcnet.session.set-phase.v1", ["phase": "RELEASING"], invocation)
            },
            Command(
                name: "reject", summary: "Gives an offer back.", positionals: [sessionArgument], options: sessionOptions
            ) { invocation in
                try await ask("srcnet.session.set-phase.v1", ["phase": "REJECTED"], invocation)
            },
            Command(
                name: "list", summary: "Lists your sessions at all sites.",
                options: .connecting + [.value("phase", "PHASE", "Only those in this phase.")]
            ) { invocation in
                try await Connecting.withClient(invocation) { client in
                    let sessions = try await list(client, phase: invocation["phase"])
                    if invocation.has("json") {
                        Terminal.line(JSON.array(sessions).text)
                        return
                    }
                    var table = Table(headings: ["session", "site", "phase", "since"])
                    table.rows = sessions.map { session in
                        [
                            session["session"]?.string ?? "", session["site"]?.string ?? "",
                            coloured(session["phase"]?.string ?? ""), session["time"]?.string ?? "",
                        ]
                    }
                    Terminal.line(table.text)
                }
            },
        ])

    private static let sessionArgument = Positional(name: "SESSION", help: "Its UUID.")
    private static let sessionOptions: [Option] =
        .connecting + [.value("site", "SITE", "The session's site; default: looked up.")]

    private static func ask(_ type: String, _ members: JSON, _ invocation: Invocation) async throws {
        let session = try invocation.required(0)
        try await Connecting.withClient(invocation) { client in
            let site = try await siteOf(session, client, invocation)
            var body = members
            body["session"] = .string(session)
            let answer = try await client.request(type, of: "execution-broker.\(site)", body)
            show(session: answer.body, invocation)
        }
    }

    /// All of the user's sessions, page by page.
    private static func list(_ client: BusClient, phase: String?) async throws -> [JSON] {
        var sessions: [JSON] = []
        while true {
            var body: JSON = ["limit": 1_000]
            body["phase"] = phase.map(JSON.string)
            body["after"] = sessions.last?["session"]
            let answer = try await client.request("srcnet.session.list.v1", of: "global-execution", body)
            let page = answer.body["sessions"]?.array ?? []
            sessions += page
            if page.count < 1_000 { return sessions }
        }
    }

    private static func siteOf(_ session: String, _ client: BusClient, _ invocation: Invocation) async throws -> String
    {
        if let site = invocation["site"] { return site }
        guard
            let site = try await list(client, phase: nil).first(where: { $0["session"]?.string == session })?["site"]?
                .string
        else { throw Failure(.failed, "no session or offer of yours is known as \(session)") }
        return site
    }

    private static func show(session: JSON, _ invocation: Invocation) {
        if invocation.has("json") {
            Terminal.line(session.text)
            return
        }
        let facts: [(String, String?)] = [
            ("session", session["meta"]?["uuid"]?.string), ("site", session["site"]?.string),
            ("phase", session["phase"]?.string.map(coloured)), ("status", session["status"]?.string),
            ("expires", session["expires"]?.string),
            ("available", session["schedule"]?["available"]?["start"]?.string),
            ("length", session["schedule"]?["available"]?["duration"]?.string),
            ("link", session["connectors"]?[0]?["location"]?.string.map { Style.bold($0) }),
        ]
        for (name, value) in facts {
            guard let value else { continue }
            Terminal.line(name + String(repeating: " ", count: max(1, 11 - name.count)) + value)
        }
        for message in session["meta"]?["messages"]?.array ?? [] {
            if let text = message["message"]?.string { Terminal.line("           " + Style.faint(text)) }
        }
    }

    /// Why a session is in its phase, in the most words that there are.
    private static func reason(of session: JSON) -> String? {
        guard let reason = session["reason"]?.string else { return nil }
        let messages = (session["meta"]?["messages"]?.array ?? []).compactMap { $0["message"]?.string }
        return messages.first { $0.hasPrefix(reason) } ?? reason
    }

    private static func coloured(_ phase: String) -> String {
        switch phase {
        case "AVAILABLE", "RUNNING", "COMPLETED": Style.green(phase)
        case "FAILED", "EXPIRED", "REJECTED": Style.red(phase)
        case "OFFERED", "ACCEPTED", "PREPARING", "WAITING", "RELEASING": Style.yellow(phase)
        default: phase
        }
    }
}
