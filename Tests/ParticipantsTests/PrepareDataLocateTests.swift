import ExecutionModel
import FoundationEssentials
import PrepareData
import TestSupport
import Testing

@Suite struct PrepareDataLocateTests {
    @Test func `data is told with its size, its storages, and how long a copy takes`() async throws {
        try await withTemporaryFolder { folder in
            let world = try PrepareDataWorld(folder)
            let here = try await world.register("here", noise(1_000), in: [world.near, world.far])
            let there = try await world.register("there", noise(2_000_000), in: [world.far])
            let never = DataIdentifier(scope: "lab", name: "never")
            let stager = world.stager()
            let rates = try await stager.measure()
            let answer = try await stager.locate([here, there, never])
            #expect(answer.unknown == [never])
            let first = try #require(answer.replicas.first)
            #expect(first.bytes == 1_000 && first.files == 1 && first.rses == ["FAR", "NEAR"])
            #expect(first.local && first.seconds == 0 && first.bytesPerSecond == nil)
            let second = try #require(answer.replicas.last)
            #expect(second.rses == ["FAR"] && !second.local)
            let rate = try #require(rates["FAR"])
            #expect(second.bytesPerSecond.map { abs($0 - rate) <= 1 + rate / 1_000 } == true)
            #expect(second.seconds.map { abs($0 - 2_000_000 / Double(rate)) < 1e-6 } == true)
            #expect(second.adler32?.count == 8)
            // Measuring leaves nothing.
            #expect(!world.tree(folder).contains { $0.contains("probe") })
        }
    }

    @Test func `the measured rate is that of real copies, a site's limit included`() async throws {
        try await withTemporaryFolder { folder in
            let world = try PrepareDataWorld(folder, farLimit: 2_000_000)
            let rates = try await world.stager().measure()
            let limited = try #require(rates["FAR"])
            #expect((1_000_000...2_100_000).contains(limited))
            #expect(try #require(rates["NEAR"]) > 0)
        }
    }

    @Test func `a replica that is not there, or has another size, does not count`() async throws {
        try await withTemporaryFolder { folder in
            let world = try PrepareDataWorld(folder)
            let gone = try await world.register("gone", noise(100), in: [world.near, world.far])
            let short = try await world.register("short", noise(100), in: [world.near])
            try FileManager.default.removeItem(atPath: try world.replica(gone, in: world.near))
            try world.damage(short, in: world.near, with: noise(99))
            let stager = world.stager()
            try await stager.measure()
            let answer = try await stager.locate([gone, short])
            #expect(answer.replicas.map(\.rses) == [["FAR"], []])
            #expect(answer.replicas.map(\.local) == [false, false])
            #expect(answer.replicas.last?.seconds == nil)
        }
    }

    @Test func `a storage that cannot be reached is found when it is back`() async throws {
        try await withTemporaryFolder { folder in
            let world = try PrepareDataWorld(folder)
            let did = try await world.register("x", noise(100), in: [world.far])
            try FileManager.default.moveItem(atPath: world.far.path, toPath: folder + "/unmounted")
            let stager = world.stager()
            #expect(try await stager.measure()["FAR"] == nil)
            try FileManager.default.moveItem(atPath: folder + "/unmounted", toPath: world.far.path)
            let isBack = try await eventually { try await stager.locate([did]).replicas.first?.seconds != nil }
            #expect(isBack)
        }
    }

    @Test func `a dataset is local where all its files are`() async throws {
        try await withTemporaryFolder { folder in
            let world = try PrepareDataWorld(folder)
            let a = try await world.register("a", noise(1_000), in: [world.near, world.far])
            let b = try await world.register("b", noise(500), in: [world.far])
            let set = DataIdentifier(scope: "lab", name: "set", type: .dataset)
            let none = DataIdentifier(scope: "lab", name: "none", type: .dataset)
            try await world.catalogue.register(set, contents: [a, b])
            try await world.catalogue.register(none, contents: [])
            let stager = world.stager()
            try await stager.measure()
            let answer = try await stager.locate([set, none])
            #expect(answer.replicas.map(\.bytes) == [1_500, 0])
            #expect(answer.replicas.map(\.files) == [2, 0])
            #expect(answer.replicas.map(\.rses) == [["FAR"], []])
            #expect(answer.replicas.map(\.local) == [false, true])
            #expect(answer.replicas.map(\.did.type) == [.dataset, .dataset])
            // The type is the catalogue's to know.
            let asked = try await stager.locate([DataIdentifier(scope: "lab", name: "set")])
            #expect(asked.replicas.first?.files == 2)
        }
    }
}
