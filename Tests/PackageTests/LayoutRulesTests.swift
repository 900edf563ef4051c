import Testing

/// The rules themselves, on small packages that break one each.
@Suite struct `The rules of the layout` {
    typealias Target = PackageDescription.Target

    private func target(
        _ name: String, _ dependencies: [String] = [], in folder: String = "Sources", kind: Target.Kind = .regular,
        settings: Set<String> = Layout.strictSettings
    ) -> Target {
        Target(
            name: name, kind: kind, folder: "\(folder)/\(name)", dependencies: dependencies, settings: settings)
    }

    private func participant(_ name: String, _ dependencies: [String] = []) -> Target {
        target(name, dependencies, in: "Sources/Participants")
    }

    private func tests(_ name: String, _ dependencies: [String] = []) -> Target {
        target(name, dependencies, in: "Tests", kind: .test)
    }

    private func faults(_ targets: [Target], _ sources: [SourceFile] = []) -> [String] {
        Layout.faults(in: PackageDescription(targets: targets), sources)
    }

    @Test func `are a table whose own arrows point one way`() {
        #expect(Layout.faultsOfTable == [])
    }

    @Test func `find no fault in a package that keeps them`() {
        let package = [
            target("CRabbitMQ", in: "Sources/C", kind: .system), target("Wire"), target("AMQP", ["CRabbitMQ"]),
            target("Store", ["Wire"]), target("MessageBus", ["Wire", "AMQP", "Store"]),
            participant("Cavern", ["Wire", "MessageBus"]), tests("AMQPTests", ["AMQP", "CRabbitMQ"]),
        ]
        let source = SourceFile(
            path: "Sources/Participants/Cavern/Cavern.swift", text: "import FoundationEssentials\npublic import Wire\n")
        #expect(faults(package, [source]) == [])
    }

    @Test func `find a participant that depends on another`() {
        #expect(
            faults([participant("Cavern", ["Harbor"]), participant("Harbor")])
                == ["the participant Cavern depends on the participant Harbor: they speak by messages only"])
    }

    @Test(arguments: [
        ("Wire", "MessageBus"), ("AMQP", "Wire"), ("AMQP", "ExecutionModel"), ("ExecutionModel", "MessageBus"),
        ("Store", "StoreSQLite"), ("MessageBus", "ExecutionModel"), ("MessageBus", "Cavern"), ("Cavern", "AMQP"),
        ("Cavern", "StoreSQLite"), ("Topology", "execbus"), ("Cavern", "TestSupport"),
    ])
    func `find an arrow that points the wrong way`(from: String, to: String) {
        #expect(
            Layout.faultsOfArrows(PackageDescription(targets: [target(from, [to]), target(to)]))
                == ["\(from) depends on \(to): the arrow points the wrong way"])
    }

    @Test func `find who uses a C library behind its owner's back`() {
        let package = [
            target("CSQLite", in: "Sources/C", kind: .system), participant("Cavern", ["CSQLite"]),
            tests("CavernTests", ["CSQLite"]),
        ]
        #expect(
            faults(package) == [
                "Cavern depends on CSQLite, which StoreSQLite alone wraps",
                "CavernTests depends on CSQLite, which StoreSQLite alone wraps",
            ])
    }

    @Test func `find a target of no layer, and one that depends on tests`() {
        #expect(
            faults([target("Utilities"), target("Wire", ["WireTests"]), tests("WireTests")]) == [
                "Utilities stands in no layer: say in Layout.swift where it belongs",
                "Wire depends on the tests WireTests",
            ])
    }

    @Test func `find a folder elsewhere, and a source of no target`() {
        let package = [target("Cavern"), target("WireTests", kind: .test)]
        #expect(
            faults(package, [SourceFile(path: "Sources/Lost/Lost.swift", text: "")]) == [
                "Cavern lies in Sources/Cavern, and belongs in Sources/Participants/Cavern",
                "WireTests lies in Sources/WireTests, and belongs in Tests/WireTests",
                "Sources/Lost/Lost.swift belongs to no target",
            ])
    }

    @Test func `find a missing setting, and unsafe flags`() {
        let settings = Layout.strictSettings.subtracting(["treatAllWarnings error"]).union(["unsafeFlags -Ounchecked"])
        #expect(
            faults([target("Wire", settings: settings)], [SourceFile(path: "Sources/Wire/JSON.swift", text: "")])
                == ["Wire is built without treatAllWarnings error", "Wire is built with unsafeFlags -Ounchecked"])
    }

    @Test func `find an undeclared import, and the whole Foundation`() {
        let source = SourceFile(
            path: "Sources/Store/Store.swift", text: "internal import Foundation\nimport Wire\nimport Glibc\n")
        #expect(
            faults([target("Wire"), target("Store")], [source]) == [
                "Sources/Store/Store.swift imports Foundation, which brings ICU: FoundationEssentials is meant",
                "Sources/Store/Store.swift imports Wire, which Store does not declare",
            ])
    }

    @Test func `find that another package is needed`() {
        #expect(Layout.faultsOfArrows(PackageDescription(targets: [], otherPackages: 1)).count == 1)
    }
}

@Suite struct `Imports of a source` {
    @Test(arguments: [
        "import Wire", "public import Wire", "@testable import Wire", "@preconcurrency package import Wire",
        "import struct Wire.JSON", "@_spi(Inside) import Wire", "    import Wire", "import Wire  // why",
    ])
    func `are found in every form`(text: String) {
        #expect(SourceFile(path: "", text: "// Head\n\(text)\nlet important = 1\n").imports == ["Wire"])
    }

    @Test(arguments: [
        "// import Wire", "let important = Wire", "/*\nimport Wire\n*/", "let text = \"\"\"\nimport Wire\n\"\"\"",
        "let text = \"import Wire\"",
    ])
    func `are not found where there is none`(text: String) {
        #expect(SourceFile(path: "", text: "\(text)\n").imports == [])
    }
}
