internal import LocalNetwork
internal import MessageBus
internal import Wire

extension Command {
    static let ping = Command(
        name: "ping", summary: "Asks participants whether they are there, and how long they take to answer.",
        discussion: """
            It asks as the network's operator where --user names nobody else: RabbitMQ lets others ask only the participants
            that they have to do with. JSON is one line for each participant: its answer with `milliseconds`, or `address`
            with `problem`.
            """,
        positionals: [
            .init(name: "ADDRESS", help: "Such as cavern.ral; default: all of the network.", isOptional: true)
        ],
        options: .connecting
    ) { invocation in
        let addresses: [String]
        if let address = invocation.positionals.first {
            addresses = [address]
        } else {
            if invocation["state"] == nil, Connecting.environment("EXECBUS_AMQP") != nil {
                throw UsageError("ping needs ADDRESS where EXECBUS_AMQP names the network: such as cavern.ral")
            }
            let network = try Connecting.network(invocation)
            let sites = network.sites.compactMap(SiteName.init)
            addresses = ParticipantName.allCases.flatMap { name in
                name.isAtSite ? sites.map { name.address(at: $0) } : [name.address(at: nil)]
            }
        }
        try await Connecting.withClient(invocation, as: DefaultUsers.operatorName) { client in
            var table = Table(headings: ["participant", "answers in", "version", "started"], right: [1])
            var failures: [ErrorReport] = []
            for address in addresses {
                let begin = ContinuousClock.now
                do throws(BusClientError) {
                    let answer = try await client.request(
                        "srcnet.participant.ping.v1", of: address, [:], patience: .seconds(3))
                    let time = ContinuousClock.now - begin
                    if invocation.has("json") {
                        var line = answer.body
                        line["milliseconds"] = .double(time.seconds * 1_000)
                        Terminal.line(line.text)
                    }
                    table.rows.append([
                        address, Units.fixed(time.seconds * 1_000, 1) + " ms", answer.body["version"]?.string ?? "",
                        answer.body["started"]?.string ?? "",
                    ])
                } catch {
                    let report = ErrorReport(error)
                    failures.append(report)
                    if invocation.has("json") {
                        Terminal.line(
                            (["address": .string(address), "problem": report.problem] as JSON).text)
                    }
                    let word = report.code == .notAuthorised ? "not allowed" : "no answer"
                    table.rows.append([address, Style.red(word), "", report.text])
                }
            }
            if !invocation.has("json") { Terminal.line(table.text) }
            guard !failures.isEmpty else { return }
            let isRefused = failures.allSatisfy { $0.code == .notAuthorised }
            throw Failure(
                isRefused ? .notAuthorised : .unreachable,
                isRefused
                    ? "the user \(client.user) may not ask \(failures.count) of \(addresses.count); the operator may ask all"
                    : "\(failures.count) of \(addresses.count) did not answer", isTold: true)
        }
    }
}
