/// Which target may use which: the arrows of docs/architecture.md, as data. A target named nowhere here may not exist.
enum Layout {
    /// Targets of the same kind, and what each of them may import.
    struct Layer: Sendable {
        let name: String
        let targets: [String]
        /// The folder that holds one folder for each.
        let folder: String
        /// Names of layers that come before this one.
        let mayUse: [String]

        init(_ name: String, _ targets: [String], in folder: String = "Sources", mayUse: [String]) {
            self.name = name
            self.targets = targets
            self.folder = folder
            self.mayUse = mayUse
        }
    }

    static let participants = [
        "GlobalExecution", "Permissions", "WorkstepEditor", "ExecutionBroker", "PrepareData", "Cavern", "Harbor",
        "Canfar",
    ]

    /// From the bottom to the top.
    static let layers = [
        Layer(
            "C",
            [
                "CRabbitMQ", "CSQLite", "CPostgreSQL", "CArchive", "COpenSSL", "CTLS", "CMicroHTTP", "CCurl",
                "CJansson", "CZlib", "CLinux",
            ],
            in: "Sources/C", mayUse: []),

        // Text, names and times as they stand on the wire.
        Layer("Wire", ["Wire"], mayUse: ["C"]),
        // Connections and channels; knows no domain, not even the envelope.
        Layer("AMQP", ["AMQP"], mayUse: ["C"]),
        Layer("Digests", ["Digests"], mayUse: ["C"]),
        Layer("operating system", ["Files", "Processes"], mayUse: ["C", "Wire"]),
        Layer("figures", ["Metrics"], mayUse: []),
        Layer(
            "outside standards", ["OCI", "HTTPClient", "HTTPServer"],
            mayUse: ["C", "Wire", "Digests", "operating system"]),

        Layer("Store", ["Store"], mayUse: ["Wire"]),
        Layer("SQL of the store", ["StoreSQL"], mayUse: ["C", "Wire", "Store"]),
        Layer(
            "engines of the store", ["StoreSQLite", "StorePostgreSQL"], mayUse: ["C", "Store", "SQL of the store"]),
        Layer("MessageBus", ["MessageBus"], mayUse: ["Wire", "Digests", "AMQP", "Store", "figures"]),

        // Pure: it could run without any bus.
        Layer("ExecutionModel", ["ExecutionModel"], mayUse: ["Wire"]),
        Layer(
            "preparation", ["Preparation"],
            mayUse: ["Wire", "Store", "MessageBus", "ExecutionModel", "operating system"]),

        Layer("Topology", ["Topology"], mayUse: ["Wire", "Digests", "AMQP"]),
        Layer(
            "LocalNetwork", ["LocalNetwork"],
            mayUse: ["Wire", "Topology", "operating system"]),

        // No participant uses another, nor AMQP, nor an engine of the store: it hears and speaks through the bus alone.
        Layer(
            "participants", participants, in: "Sources/Participants",
            mayUse: [
                "C", "Wire", "Digests", "Store", "MessageBus", "ExecutionModel", "preparation", "outside standards",
                "operating system",
            ]),

        // Puts participants, back ends and stores together.
        Layer(
            "execbus", ["execbus"],
            mayUse: [
                "Wire", "figures", "AMQP", "operating system", "outside standards", "Store", "engines of the store",
                "MessageBus",
                "ExecutionModel", "preparation", "Topology", "LocalNetwork", "participants",
            ]),

        Layer(
            "benchmarks", ["MessagingBenchmark"], in: "Benchmarks",
            mayUse: ["Wire", "AMQP", "operating system", "LocalNetwork"]),

        Layer(
            "TestSupport", ["TestSupport"], in: "Tests",
            mayUse: ["Wire", "operating system", "Topology", "LocalNetwork"]),
        // Clients, what breaks a network, and the checks: as far from the participants as a user is. Of them it has what
        // registers an observation in the catalogue.
        Layer(
            "soak", ["Soak"], in: "Tests",
            mayUse: [
                "Wire", "AMQP", "operating system", "outside standards", "MessageBus", "ExecutionModel", "LocalNetwork",
                "participants", "TestSupport",
            ]),
        Layer("program of the soak", ["execbus-soak"], in: "Tests", mayUse: ["operating system", "soak"]),
    ]

    /// Libraries that one target wraps, so that nobody else (but its tests) handles their pointers.
    static let wrappers = [
        "CRabbitMQ": "AMQP", "CSQLite": "StoreSQLite", "CPostgreSQL": "StorePostgreSQL", "CCurl": "HTTPClient",
        "CJansson": "Wire", "CArchive": "OCI", "COpenSSL": "Digests", "CTLS": "AMQP", "CMicroHTTP": "HTTPServer",
    ]

    /// What every Swift target is compiled with, at the least.
    static let strictSettings: Set = [
        "swiftLanguageMode 6",
        "enableUpcomingFeature NonisolatedNonsendingByDefault",
        "enableUpcomingFeature InferIsolatedConformances",
        "enableUpcomingFeature ExistentialAny",
        "enableUpcomingFeature InternalImportsByDefault",
        "enableUpcomingFeature MemberImportVisibility",
        "treatAllWarnings error",
        "treatWarning StrictLanguageFeatures error",
    ]
}
