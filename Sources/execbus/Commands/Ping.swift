internal import LocalNetwork
internal import MessageBus
internal import Wire

extension Command {
    static let ping = Command(
        name: "ping", summary: "Asks participants whether they are there, and how long they take to answer.",
        discussion: """
            It asks as the network's operator where --user names nobody else: RabbitMQ lets others ask only the participants
            that they have to do with.
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
            var failures = 0
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
                    failures += 1
                    if invocation.has("json") {
                        Terminal.line((["address": .string(address), "error": .string("\(error)")] as JSON).text)
                    }
                    table.rows.append([address, Style.red("no answer"), "", "\(error)"])
                }
            }
            if !invocation.has("json") { Terminal.line(table.text) }
            if failures > 0 { throw Failure(.unreachable, "\(failures) of \(addresses.count) did not answer") }
        }
    }
}
