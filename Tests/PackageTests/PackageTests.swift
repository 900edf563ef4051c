import Testing

/// The package as it stands: each fault is one sentence that says what to change.
@Suite struct `The package` {
    @Test func `has arrows that point one way, and no participant that uses another`() async throws {
        report(Layout.faultsOfArrows(try await PackageDescription.current))
    }

    @Test func `has every target where the layout says, and every source in one`() async throws {
        let sources = try SourceFile.all(in: PackageDescription.folder)
        report(Layout.faultsOfFolders(try await PackageDescription.current, sources))
    }

    @Test func `builds every Swift target with the strict settings`() async throws {
        let sources = try SourceFile.all(in: PackageDescription.folder)
        report(Layout.faultsOfSettings(try await PackageDescription.current, sources))
    }

    @Test func `declares every module that its sources import, and none of them is the whole Foundation`() async throws
    {
        let sources = try SourceFile.all(in: PackageDescription.folder)
        #expect(sources.contains { $0.imports.contains("Wire") })
        report(Layout.faultsOfImports(try await PackageDescription.current, sources))
    }

    @Test func `has its participants put together by the command line`() async throws {
        let package = try await PackageDescription.current
        let lying = Set(package.targets.filter { $0.folder.hasPrefix("Sources/Participants/") }.map(\.name))
        #expect(lying == Set(Layout.participants))
        #expect(lying.subtracting(package["execbus"]?.dependencies ?? []) == [])
    }
}

/// Each fault as an issue of its own.
private func report(_ faults: [String], at location: SourceLocation = #_sourceLocation) {
    for fault in faults { Issue.record(Comment(rawValue: fault), sourceLocation: location) }
}
