internal import AMQP
internal import LocalNetwork
internal import Topology
internal import Wire

extension Command {
    static let topology = Command(
        name: "topology", summary: "Makes, checks and exports the exchanges, queues, bindings and users of RabbitMQ.",
        subcommands: [
            Command(
                name: "apply", summary: "Makes what is missing on a broker; what is there stays, with its messages.",
                discussion: """
                    Over AMQP, as a user who may configure everything. Users and permissions cannot be made over AMQP:
                    export the definitions and import them (rabbitmqctl import_definitions FILE).
                    """,
                options: sites + broker
            ) { invocation in
                let topology = try topology(invocation)
                try await withAMQPConnection(try administrator(invocation)) { connection in
                    try tell(try await topology.apply(over: connection), invocation, well: "the topology is in place")
                }
            },
            Command(
                name: "check", summary: "Compares a broker with what the participants need, and changes nothing.",
                discussion: """
                    Over AMQP it sees exchanges, queues and their arguments. Bindings, users, permissions and policies do not
                    show over AMQP: compare an export of them, by --definitions.
                      rabbitmqctl export_definitions all.json && execbus topology check --definitions all.json
                    """,
                options: sites + broker + [
                    .value("definitions", "FILE", "Compares this export instead of asking the broker."),
                    .value("vhost", "NAME", "The virtual host in the export; default: execbus."),
                ]
            ) { invocation in
                let topology = try topology(invocation)
                if let file = invocation["definitions"] {
                    let findings = topology.compare(
                        with: try Connecting.readJSON(file), users: topology.participantUsers(),
                        virtualHost: invocation["vhost"] ?? Topology.defaultVirtualHost)
                    try tell(findings, invocation, well: "the export is as it should be")
                    return
                }
                try await withAMQPConnection(try administrator(invocation)) { connection in
                    let findings = try await topology.check(over: connection)
                    try tell(findings, invocation, well: "exchanges and queues are as they should be")
                }
            },
            Command(
                name: "export", summary: "Writes definitions.json for RabbitMQ 3.10 and 4: queues, users, permissions.",
                discussion: """
                    Participants' users get no password: nobody can log in until one is set
                    (rabbitmqctl change_password cavern.ral …).
                    """,
                options: [
                    .value("sites", "LIST", "The sites of the network; default: ral,caen."),
                    .value("vhost", "NAME", "The virtual host; default: execbus."),
                ]
            ) { invocation in
                let topology = Topology(sites: try siteNames(invocation))
                let users = [BrokerUser.administrator(password: nil)] + topology.participantUsers()
                Terminal.line(
                    topology.definitions(users: users, virtualHost: invocation["vhost"] ?? Topology.defaultVirtualHost)
                        .prettyText)
            },
        ])

    private static let sites: [Option] = [
        .value("sites", "LIST", "The sites of the network; default: those of --state, otherwise ral,caen.")
    ]
    private static let broker: [Option] = [
        .value("amqp", "URI", "The broker, with an administrator's credentials; default: EXECBUS_AMQP."),
        .value("state", "DIR", "The folder of `execbus up`: takes its broker, as its operator."),
        .flag("json", "Writes findings as JSON."),
    ]

    /// The sites that an option lists.
    static func siteNames(_ invocation: Invocation) throws -> [SiteName] {
        try (invocation["sites"] ?? "ral,caen").split(separator: ",").map { word in
            guard let site = SiteName(String(word)) else {
                throw UsageError("\(word) is no site's name: 1 to 32 of a-z, 0-9 and -, and neither any nor global")
            }
            return site
        }
    }

    /// The topology of the sites that the options name, or that the network of `--state` has.
    private static func topology(_ invocation: Invocation) throws -> Topology {
        guard invocation["sites"] == nil, invocation["state"] != nil else {
            return Topology(sites: try siteNames(invocation))
        }
        return Topology(sites: try Connecting.network(invocation).sites.compactMap(SiteName.init))
    }

    private static func administrator(_ invocation: Invocation) throws -> AMQPConfiguration {
        if let uri = invocation["amqp"] { return try AMQPConfiguration(uri: uri) }
        guard invocation["state"] != nil || Connecting.environment("EXECBUS_AMQP") != nil else {
            throw UsageError(
                "which broker? --amqp amqp://admin:PASSWORD@HOST/execbus, or --state DIR of a running network")
        }
        return try Connecting.configuration(invocation, as: DefaultUsers.operatorName)
    }

    private static func tell(_ findings: [Finding], _ invocation: Invocation, well: String) throws {
        if invocation.has("json") {
            Terminal.line(
                JSON.array(
                    findings.map {
                        ["subject": .string($0.subject.rawValue), "name": .string($0.name), "text": .string("\($0)")]
                    }
                ).text)
        } else {
            for finding in findings { Terminal.line("\(finding)") }
            if findings.isEmpty { Terminal.line(well) }
        }
        if !findings.isEmpty {
            throw Failure(.failed, "\(findings.count) things are not as they should be", isTold: true)
        }
    }
}
