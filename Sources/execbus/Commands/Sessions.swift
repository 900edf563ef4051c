internal import ExecutionModel
internal import MessageBus
internal import Wire

extension Command {
    static let accept = Command(
        name: "accept", summary: "Takes an offer, shows its preparation, and gives the session's link.",
        discussion: """
            It says when the session starts, which may be later: what a site has booked comes first. Bars show the
            preparations. When the waiting ends, by --timeout or by Ctrl-C, the session goes on.
            """,
        positionals: [.init(name: "OFFER", help: "Its UUID; the session has the same.")],
        options: .connecting + [
            .value("site", "SITE", "The offer's site; default: looked up."),
            .value("timeout", "SECONDS", "How long after the start that was offered it may be ready; default: 300."),
            .flag("no-wait", "Ends as soon as the offer is accepted."),
        ]
    ) { invocation in
        let offer = try invocation.required(0)
        guard let timeout = Double(invocation["timeout"] ?? "300"), timeout > 0, timeout < 1e6 else {
            throw UsageError("--timeout takes seconds")
        }
        try await Connecting.withClient(invocation) { client in
            let site = try await namingTheOffer { try await siteOf(offer, client, invocation) }
            if invocation.has("no-wait") {
                let answer = try await namingTheOffer {
                    try await client.request(
                        "srcnet.session.set-phase.v1", of: "execution-broker.\(site)",
                        ["session": .string(offer), "phase": "ACCEPTED"])
                }
                show(session: answer.body, invocation)
                return
            }
            let watch = SessionWatch(
                client: client, session: offer, site: site, isShown: !invocation.has("json"))
            let callback: ReceivedMessage
            do {
                let patience = Duration.microseconds(Int64(timeout * 1_000_000))
                callback = try await namingTheOffer {
                    try await watch.accept(patience: patience, isInterruptible: true) { answer in
                        if watch.isShown { Terminal.line(start(of: answer.body)) }
                    }
                }
            } catch let failure as Failure where failure.code == .timeout || failure.code == .interrupted {
                throw Failure(failure.code, await farewell(watch, timeout, failure.code, invocation))
            }
            let session = try await client.request(
                "srcnet.session.get.v1", of: watch.broker, ["session": .string(offer)])
            show(session: session.body, invocation)
            let phase = SessionWatch.phase(in: callback)
            guard phase == "AVAILABLE" || phase == "RUNNING" else {
                let why = reason(of: session.body).map { ": \($0)" } ?? ""
                throw Failure(.sessionFailed, "the session is \(phase ?? "gone")\(why)", isTold: true)
            }
        }
    }

    /// What is not found by who accepts is the offer: that has an exit code of its own.
    private static func namingTheOffer<Value>(_ body: () async throws -> Value) async throws -> Value {
        do {
            return try await body()
        } catch let problem as Problem where problem.kind == .notFound {
            throw OfferGone(problem: problem)
        } catch let error as BusClientError {
            guard case .problem(let problem) = error, problem.kind == .notFound else { throw error }
            throw OfferGone(problem: error)
        }
    }

    /// When an accepted session will be there.
    private static func start(of session: JSON) -> String {
        let now = Timestamp.now()
        let schedule = OfferedSchedule(of: session)
        // Who accepts again what was accepted before gets the session as it is now.
        if let phase = session["phase"]?.string.flatMap(Phase.init), phase > .preparing {
            return "accepted before: the session is \(phase)"
        }
        guard let start = schedule.start, start - now > .seconds(1) else {
            return "accepted: the session is being prepared"
        }
        guard let preparing = schedule.preparing, preparing - now > .seconds(1) else {
            return "accepted: the session is being prepared, and starts \(Units.moment(start, from: now))"
        }
        return "accepted: the session waits; its preparation begins \(Units.moment(preparing, from: now)), "
            + "and it starts \(Units.moment(start, from: now))"
    }

    /// What becomes of a session that is not waited for any longer.
    private static func farewell(
        _ watch: SessionWatch, _ timeout: Double, _ why: Failure.Code, _ invocation: Invocation
    ) async -> String {
        let answer = try? await watch.client.request(
            "srcnet.session.get.v1", of: watch.broker, ["session": .string(watch.session)], patience: .seconds(3))
        let phase = answer?.body["phase"]?.string.map { "is \($0) and " } ?? ""
        let options = Connecting.sameOptions(invocation)
        let reason =
            why == .interrupted
            ? "interrupted" : "the session is not there \(Units.duration(.seconds(timeout))) after its start"
        return "\(reason); it \(phase)goes on: `execbus session show \(watch.session)\(options)` shows it again, "
            + "`execbus session cancel …` ends it"
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
                name: "list", summary: "Lists your sessions and offers at all sites.",
                discussion: """
                    Those that live come first, then offers that can be taken, then what has ended; the newest of each first.
                    """,
                options: .connecting + [
                    .value("phase", "PHASE", "Only those in this phase."),
                    .flag("all", "Shows all that have ended, not only the newest \(SessionTable.endedShown)."),
                ]
            ) { invocation in
                try await Connecting.withClient(invocation) { client in
                    let sessions = SessionTable.sorted(try await list(client, phase: invocation["phase"]))
                    if invocation.has("json") {
                        Terminal.line(JSON.array(sessions).text)
                    } else {
                        let isWhole = invocation.has("all") || invocation["phase"] != nil
                        Terminal.line(SessionTable(sessions: sessions, isWhole: isWhole, now: .now()).text)
                    }
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
        else { throw Problem(.notFound, "no session or offer of yours is known as \(session)") }
        return site
    }

    private static func show(session: JSON, _ invocation: Invocation) {
        if invocation.has("json") {
            Terminal.line(session.text)
            return
        }
        let schedule = OfferedSchedule(of: session)
        let now = Timestamp.now()
        func moment(_ time: Timestamp) -> String { Units.moment(time, from: now) }
        let facts: [(String, String?)] = [
            ("session", session["meta"]?["uuid"]?.string), ("site", session["site"]?.string),
            ("phase", session["phase"]?.string.map(SessionTable.coloured)), ("status", session["status"]?.string),
            ("expires", session["expires"]?.string.flatMap(Timestamp.init).map(moment)),
            ("start", schedule.start.map(moment)), ("length", schedule.length.map(Units.duration)),
            ("link", session["connectors"]?[0]?["location"]?.string.map { Style.bold($0) }),
        ]
        for (name, value) in facts {
            guard let value else { continue }
            Terminal.line(name + String(repeating: " ", count: max(1, 11 - name.count)) + value)
        }
        for message in session["meta"]?["messages"]?.array ?? [] {
            if let text = message["message"]?.string { Terminal.line("message    " + text) }
        }
    }

    /// Why a session is in its phase, in the most words that there are.
    private static func reason(of session: JSON) -> String? {
        guard let reason = session["reason"]?.string else { return nil }
        let messages = (session["meta"]?["messages"]?.array ?? []).compactMap { $0["message"]?.string }
        return messages.first { $0.hasPrefix(reason) } ?? reason
    }
}

/// There is no such offer, or not any more.
struct OfferGone: Error {
    /// As it was told: a problem, or an error that has one.
    let problem: any Error
}
