// swift-tools-version: 6.2
// One target for each participant, and arrows that point one way only: see docs/architecture.md.
import PackageDescription

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("InferIsolatedConformances"),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
    // A misspelt feature name would otherwise be ignored without a word.
    .treatWarning("StrictLanguageFeatures", as: .error),
]

func cLibrary(_ name: String, pkgConfig: String, apt: String) -> Target {
    .systemLibrary(name: name, path: "Sources/C/\(name)", pkgConfig: pkgConfig, providers: [.apt([apt])])
}

func library(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, path: "Sources/\(name)", swiftSettings: strict)
}

func participant(_ name: String, _ more: [Target.Dependency] = []) -> Target {
    .target(
        name: name, dependencies: ["Wire", "MessageBus", "ExecutionModel"] + more,
        path: "Sources/Participants/\(name)", swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .testTarget(
        name: name, dependencies: dependencies + ["TestSupport"], path: "Tests/\(name)", exclude: exclude,
        swiftSettings: strict)
}

let participants = [
    "GlobalExecution", "Permissions", "WorkstepEditor", "ExecutionBroker", "PrepareData", "Cavern", "Harbor", "Canfar",
]

let package = Package(
    name: "ExecutionBus",
    products: [
        .executable(name: "execbus", targets: ["execbus"]),
        .library(name: "AMQP", targets: ["AMQP"]),
        .library(name: "MessageBus", targets: ["MessageBus"]),
        .library(name: "ExecutionModel", targets: ["ExecutionModel"]),
    ],
    targets: [
        cLibrary("CRabbitMQ", pkgConfig: "librabbitmq", apt: "librabbitmq-dev"),
        cLibrary("CSQLite", pkgConfig: "sqlite3", apt: "libsqlite3-dev"),
        cLibrary("CPostgreSQL", pkgConfig: "libpq", apt: "libpq-dev"),
        cLibrary("CArchive", pkgConfig: "libarchive", apt: "libarchive-dev"),
        cLibrary("COpenSSL", pkgConfig: "libcrypto", apt: "libssl-dev"),
        cLibrary("CTLS", pkgConfig: "openssl", apt: "libssl-dev"),
        cLibrary("CMicroHTTP", pkgConfig: "libmicrohttpd", apt: "libmicrohttpd-dev"),
        cLibrary("CCurl", pkgConfig: "libcurl", apt: "libcurl4-openssl-dev"),
        cLibrary("CJansson", pkgConfig: "jansson", apt: "libjansson-dev"),
        cLibrary("CZlib", pkgConfig: "zlib", apt: "zlib1g-dev"),
        .target(name: "CLinux", path: "Sources/C/CLinux"),

        library("Wire", ["CJansson"]),
        library("AMQP", ["CRabbitMQ", "CTLS"]),
        library("Store", ["Wire"]),
        library("StoreSQL", ["Store", "Wire", "CLinux"]),
        library("StoreSQLite", ["Store", "StoreSQL", "CSQLite"]),
        library("StorePostgreSQL", ["Store", "StoreSQL", "CPostgreSQL"]),
        library("Digests", ["COpenSSL"]),
        library("Files", ["Wire", "CLinux"]),
        library("Processes", ["CLinux"]),
        library("Metrics", []),
        library("HTTPServer", ["CMicroHTTP"]),
        library("MessageBus", ["Wire", "AMQP", "Store", "Digests", "Metrics"]),
        library("ExecutionModel", ["Wire"]),
        library("OCI", ["Wire", "Digests", "Files", "Processes", "CArchive", "CLinux"]),
        library("HTTPClient", ["CCurl", "CLinux"]),
        library("Topology", ["Wire", "AMQP", "Digests"]),
        library("Preparation", ["Wire", "MessageBus", "ExecutionModel", "Files", "Processes"]),
        library("LocalNetwork", ["Wire", "Topology", "Files", "Processes"]),

        participant("GlobalExecution", ["Store"]),
        participant("Permissions"),
        participant("WorkstepEditor"),
        participant("ExecutionBroker", ["Store", "Preparation"]),
        participant("PrepareData", ["Preparation", "Files", "Processes", "Digests", "CZlib"]),
        participant("Cavern", ["Preparation", "Files", "Processes", "Digests"]),
        participant("Harbor", ["Preparation", "Files", "OCI", "Processes"]),
        participant("Canfar", ["Preparation", "Files", "OCI", "HTTPClient", "Processes"]),

        .executableTarget(
            name: "execbus",
            dependencies: [
                "Wire", "AMQP", "Store", "StoreSQLite", "StorePostgreSQL", "MessageBus", "ExecutionModel", "HTTPClient",
                "HTTPServer", "Metrics",
            ]
                + ["Preparation", "Topology", "LocalNetwork", "Processes", "OCI"]
                + participants.map { Target.Dependency(stringLiteral: $0) },
            swiftSettings: strict),

        .executableTarget(
            name: "MessagingBenchmark", dependencies: ["AMQP", "LocalNetwork", "Processes", "Wire"],
            path: "Benchmarks/MessagingBenchmark", swiftSettings: strict),

        .target(
            name: "TestSupport",
            dependencies: ["Wire", "Topology", "LocalNetwork", "Processes", "Files"],
            path: "Tests/TestSupport", swiftSettings: strict),
        .target(
            name: "Soak",
            dependencies: [
                "Wire", "AMQP", "MessageBus", "ExecutionModel", "LocalNetwork", "Processes", "HTTPClient", "OCI",
            ]
                + ["PrepareData", "TestSupport"],
            path: "Tests/Soak", exclude: ["Image/session-server.c", "Faults/slow-store.c"], swiftSettings: strict),
        .executableTarget(
            name: "execbus-soak", dependencies: ["Soak", "Processes"], path: "Tests/execbus-soak", swiftSettings: strict
        ),
        tests("WireTests", ["Wire"]),
        tests("AMQPTests", ["AMQP", "LocalNetwork", "CTLS"]),
        tests("StoreTests", ["Store", "StoreSQL", "StoreSQLite", "StorePostgreSQL", "Wire", "CSQLite", "Processes"]),
        tests("ProcessesTests", ["Processes"]),
        tests("MessageBusTests", ["MessageBus", "Metrics", "AMQP", "Store", "StorePostgreSQL", "StoreSQLite", "Wire"]),
        tests("ExecutionModelTests", ["ExecutionModel", "Wire"]),
        tests("OCITests", ["OCI", "Files", "Wire", "Processes", "HTTPClient", "CArchive"]),
        tests("MetricsTests", ["Metrics", "Processes"]),
        tests("HTTPServerTests", ["HTTPServer", "HTTPClient"]),
        tests("HTTPClientTests", ["HTTPClient", "Processes"]),
        tests("LocalNetworkTests", ["LocalNetwork", "Processes", "Topology", "Wire", "AMQP"]),
        tests("TopologyTests", ["Topology", "AMQP", "Wire", "LocalNetwork", "Processes"]),
        tests("PreparationTests", ["Preparation", "Files", "MessageBus", "ExecutionModel", "Store", "Wire"]),
        tests(
            "ParticipantsTests",
            participants.map { Target.Dependency(stringLiteral: $0) }
                + [
                    "MessageBus", "ExecutionModel", "Preparation", "OCI", "Store", "Wire", "HTTPClient", "Processes",
                    "AMQP", "Files",
                ]),
        tests("PackageTests", ["Processes", "Wire"]),
        tests(
            "Scenarios",
            [
                "Wire", "AMQP", "MessageBus", "Topology", "LocalNetwork", "Processes", "HTTPClient", "ExecutionModel",
                "Soak",
            ]),
        tests("SoakTests", ["Soak", "Wire"]),
    ]
)
