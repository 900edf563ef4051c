internal import FoundationEssentials
internal import HTTPClient
internal import MessageBus
internal import Wire

/// The main job, played as a user and their gateway would: diagram I at two sites, its denials, and diagram C.
struct Demo {
    let network: DemoNetwork
    let observation: String
    private let timeline = Timeline()
    private let http: HTTPClient

    init(network: DemoNetwork, observation: String) throws {
        self.network = network
        self.observation = observation
        http = try HTTPClient()
    }

    func play() async throws {
        try await network.withClient(as: "alice") { client in
            let listening = Task {
                try await client.hear(["session.#", "task.#", "offerset.#"]) { event in
                    timeline.note(event)
                    return true
                }
            }
            defer { listening.cancel() }
            try await occupyFarSite(client)
            try await nearSession(client)
            try await farSession(client)
            try await throughTheEditor(client)
            try await denials()
        }
        headline("What happened when")
        Terminal.line(timeline.text)
    }

    // MARK: Acts

    /// A real booking: a session that takes all of the far site for a while.
    private func occupyFarSite(_ client: BusClient) async throws {
        headline("A colleague is at work at \(DemoNetwork.far)")
        let offerset = try await offers(client, DemoWorkstep(cores: 2, memory: 4, duration: "PT25S", data: false).json)
        let offer = try pick(offerset, at: DemoNetwork.far)
        _ = try await client.request(
            "srcnet.session.set-phase.v1", of: "execution-broker.\(DemoNetwork.far)",
            ["session": .string(offer), "phase": "ACCEPTED"])
        step("a session over all of \(DemoNetwork.far) is accepted: it is booked for 25 s")
    }

    /// Diagram I at the site where the data lies.
    private func nearSession(_ client: BusClient) async throws {
        headline("A notebook on \(Units.bytes(size)) of radio data, where the data lies  (diagram I)")
        let workstep = try await client.request(
            "srcnet.workstep.create.v1", of: "workstep-editor",
            ["from": "empty", "workstep": DemoWorkstep(cores: 1, memory: 1, duration: "PT5M", data: true).json])
        let uuid = workstep.body["uuid"] ?? workstep.body["meta"]?["uuid"] ?? .null
        step("I1   workstep \(uuid.string ?? "?") is created")
        let offerset = try await offers(client, ["uuid": uuid])
        Terminal.line(OfferTable(offerset: offerset, now: .now()).text)
        let offer = try pick(offerset, at: DemoNetwork.near)
        try await end(try await acceptAndOpen(client, offer, at: DemoNetwork.near))
    }

    /// The same at the other site, to which the file has to be copied.
    private func farSession(_ client: BusClient) async throws {
        headline("The same at \(DemoNetwork.far), to which the file has to be copied")
        let offerset = try await offers(client, DemoWorkstep(cores: 1, memory: 1, duration: "PT5M", data: true).json)
        Terminal.line(OfferTable(offerset: offerset, now: .now()).text)
        let offer = try pick(offerset, at: DemoNetwork.far)
        try await end(try await acceptAndOpen(client, offer, at: DemoNetwork.far))
    }

    /// Diagram C: the editor passes the workstep on; the callback is one field.
    private func throughTheEditor(_ client: BusClient) async throws {
        headline("Through the workstep editor, with the short callback  (diagram C)")
        let workstep = try await client.request(
            "srcnet.workstep.create.v1", of: "workstep-editor",
            ["from": "empty", "workstep": DemoWorkstep(cores: 1, memory: 1, duration: "PT5M", data: true).json])
        let uuid = workstep.body["uuid"] ?? workstep.body["meta"]?["uuid"] ?? .null
        let answer = try await client.request("srcnet.workstep.execute.v1", of: "workstep-editor", ["uuid": uuid])
        step("C2   the editor passed it on, and \(answer.sender) answered straight")
        let offer = try pick(answer.body, at: DemoNetwork.near)
        let watch = try await acceptAndOpen(client, offer, at: DemoNetwork.near, content: ["session.phase"])
        let session = try await client.request(
            "srcnet.session.get.v1", of: "execution-broker.\(DemoNetwork.near)", ["session": .string(offer)])
        step("C11  its status in plain words: \(Style.bold(session.body["status"]?.string ?? "?"))")
        try await end(watch)
    }

    /// "Not authorised", at both checks.
    private func denials() async throws {
        headline("Who may not")
        let workstep = DemoWorkstep(cores: 1, memory: 1, duration: "PT5M", data: true).json
        try await network.withClient(as: "bob") { client in
            timeline.mark("bob submits")
            do throws(BusClientError) {
                _ = try await offersOnce(client, workstep)
                throw BusClientError.problem(Problem(.internalFault, "bob was not denied"))
            } catch {
                try expectDenial(error, "I4   bob submits")
                timeline.mark("bob's submit is denied")
            }
        }
        try await network.withClient(as: "carol") { client in
            let offerset = try await offers(client, workstep)
            let offer = try pick(offerset, at: DemoNetwork.near)
            timeline.mark("carol accepts at \(DemoNetwork.near)")
            do throws(BusClientError) {
                _ = try await client.request(
                    "srcnet.session.set-phase.v1", of: "execution-broker.\(DemoNetwork.near)",
                    ["session": .string(offer), "phase": "ACCEPTED"])
                throw BusClientError.problem(Problem(.internalFault, "carol was not denied"))
            } catch {
                try expectDenial(error, "I8   carol accepts")
                timeline.mark("carol's acceptance is denied")
            }
            let session = try await client.request(
                "srcnet.session.get.v1", of: "execution-broker.\(DemoNetwork.near)", ["session": .string(offer)])
            step("     her offer stays \(session.body["phase"]?.string ?? "?"), and expires by itself")
        }
    }

    private func expectDenial(_ error: BusClientError, _ what: String) throws {
        guard case .problem(let problem) = error, problem.kind == .notAuthorised else { throw error }
        step("\(what): \(Style.red("not authorised")) – \(problem.detail)")
    }

    // MARK: Steps

    private func offers(_ client: BusClient, _ workstep: JSON) async throws -> JSON {
        timeline.mark("submit")
        let offerset = try await offersOnce(client, workstep)
        timeline.mark("offers arrive")
        let sites = (offerset["sites"]?["asked"]?.array ?? []).compactMap(\.string).joined(separator: ", ")
        step("I6   offers of \(sites)")
        return offerset
    }

    private func offersOnce(_ client: BusClient, _ workstep: JSON) async throws(BusClientError) -> JSON {
        try await client.request("srcnet.workstep.submit.v1", of: "global-execution", ["workstep": workstep]).body
    }

    /// The first offer of a site.
    private func pick(_ offerset: JSON, at site: String) throws -> String {
        guard let offer = offerset["offers"]?.array?.first(where: { $0["site"]?.string == site }),
            let uuid = offer["meta"]?["uuid"]?.string
        else {
            throw Failure(.noOffer, "\(site) makes no offer: \(OfferTable(offerset: offerset, now: .now()).text)")
        }
        return uuid
    }

    /// Accepts with a callback, waits for it, reads the session, and opens its URL.
    private func acceptAndOpen(
        _ client: BusClient, _ offer: String, at site: String, content: [String]? = nil
    ) async throws -> SessionWatch {
        timeline.mark("accept at \(site)")
        let watch = SessionWatch(client: client, session: offer, site: site, isShown: true)
        let callback = try await watch.accept(content: content) {
            step("I7   \(site) accepts; data, user's folder and image are prepared side by side\(wait(for: $0.body))")
        }
        timeline.mark("callback from \(site)")
        step("I12  callback: \(callback.body.text)")
        let session = try await client.request("srcnet.session.get.v1", of: watch.broker, ["session": .string(offer)])
        guard let url = session.body["connectors"]?[0]?["location"]?.string else {
            let reasons = (session.body["meta"]?["messages"]?.array ?? []).compactMap { $0["message"]?.string }
            throw Failure(
                .sessionFailed,
                "the session is \(session.body["phase"]?.string ?? "gone"): \(reasons.joined(separator: "; "))")
        }
        try await open(url, of: offer)
        timeline.mark("session opened at \(site)")
        step("I13  the session answers, and the observation is in it: " + Style.faint(hidden(url)))
        return watch
    }

    /// The notebook lists the session's folder only to who has the token; the observation must be in it.
    private func open(_ url: String, of session: String) async throws {
        guard let base = url.firstRange(of: session).map({ url[..<$0.upperBound] }),
            let token = url.split(separator: "?", maxSplits: 1).dropFirst().first
        else { throw Failure(.sessionFailed, "the link is not one of this session, or carries no token") }
        let listing = try await http.get("\(base)/api/contents/data?\(token)")
        let files = (try? JSON(parsing: listing.body))?["content"]?.array ?? []
        guard listing.isSuccess, files.contains(where: { $0["size"]?.int == size }) else {
            throw Failure(.sessionFailed, "the session does not show the observation (HTTP \(listing.status))")
        }
    }

    /// Ends a session well, and waits for the callback that says that everything is released.
    private func end(_ watch: SessionWatch) async throws {
        timeline.mark("end at \(watch.site)")
        let answer = try await watch.client.request(
            "srcnet.session.set-phase.v1", of: watch.broker, ["session": .string(watch.session), "phase": "RELEASING"])
        let phase = SessionWatch.phase(in: try await watch.nextCallback(.seconds(60)))
        guard phase == "COMPLETED" else { throw Failure(.sessionFailed, "the session ended as \(phase ?? "?")") }
        timeline.mark("all released at \(watch.site)")
        step("     \(answer.body["phase"]?.string ?? ""), \(Style.green("COMPLETED")): everything is released")
    }

    // MARK: Words

    private var size: Int64 {
        let attributes = try? FileManager.default.attributesOfItem(atPath: observation)
        return (attributes?[.size] as? any BinaryInteger).map { Int64(clamping: $0) } ?? 0
    }

    /// How long it is until the preparations begin, where the site is booked until then.
    private func wait(for session: JSON) -> String {
        guard let start = session["schedule"]?["preparing"]?["start"]?.string.flatMap(Timestamp.init),
            start - .now() > .seconds(1)
        else { return "" }
        return Style.faint(", in \(Units.duration(start - .now())), when the booking is over")
    }

    /// A link without its token.
    private func hidden(_ url: String) -> String { String(url.prefix { $0 != "?" }) + "?token=…" }

    private func headline(_ text: String) { Terminal.line("\n" + Style.bold(text)) }

    private func step(_ text: String) { Terminal.line("  " + text) }
}
