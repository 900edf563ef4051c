import ExecutionModel
import FoundationEssentials
import Preparation
import TestSupport
import Testing
import Wire

@testable import Cavern
@testable import PrepareData

/// `prepare-data` and `cavern` at the area of one session, with their real back ends.
@Suite struct PrepareDataAreaTests {
    @Test(arguments: [true, false])
    func `both fill the area of a session, and the last to leave removes it`(keep: Bool) async throws {
        try await withTemporaryFolder { folder in
            let world = try PrepareDataWorld(folder)
            let areas = AreaRegister(state: folder + "/state")
            let data = PrepareDataWork(areas: areas, stager: world.stager())
            let homes = CavernWork(areas: areas, storage: HomeFolders(root: folder + "/homes"))
            let did = try await world.register("cube", noise(1_000), in: [world.far])
            let prepare = PrepareDataCommand(head: try head(), data: [.init(did: did, path: "cube.fits")])
            let pull = PullDataCommand(head: try head())
            let area = areas.path(prepare.head.session)

            #expect(try await data.perform(prepare, progress: { _ in }) == ["files": 1, "bytes": 1_000, "linked": 0])
            #expect(try await homes.perform(pull, progress: { _ in }) == ["files": 0, "bytes": 0])
            #expect(world.tree(area) == ["data", "data/cube.fits", "home", "output"])
            try Data(noise(10)).write(to: URL(filePath: area + "/output/result"))

            try await data.remove(prepare, keep: false)
            try await data.remove(prepare, keep: false)
            #expect(world.tree(area) == ["home", "output", "output/result"])
            try await homes.remove(pull, keep: keep)
            try await homes.remove(pull, keep: keep)
            #expect(!FileManager.default.fileExists(atPath: area))
            let kept = "\(folder)/homes/ada/sessions/\(pull.head.session)"
            #expect(world.tree(kept) == (keep ? ["result"] : []))
            #expect(contents(try world.replica(did, in: world.far)) == noise(1_000))
        }
    }

    @Test func `the parts are configured by the site's file, and its faults are named`() async throws {
        try await withTemporaryFolder { folder in
            let world = try PrepareDataWorld(folder)
            try await world.register("x", noise(10), in: [world.near])
            let text = """
                {"site": "ral", "state": "state", "catalogue": "catalogue.json", "home": "homes", "storage": [
                    {"rse": "NEAR", "path": "near", "local": true}, {"rse": "FAR", "path": "\(world.far.path)",
                    "local": false, "limit": 1000000}]}
                """
            try Data(text.utf8).write(to: URL(filePath: folder + "/site.json"))
            let stager = try FolderStager(site: try SiteFile(path: folder + "/site.json"))
            let answer = try await stager.locate([DataIdentifier(scope: "lab", name: "x")])
            #expect(answer.replicas.first?.local == true)
            let homes = try HomeFolders(site: try SiteFile(path: folder + "/site.json"))
            #expect(try homes.path(of: Owner(iss: "urn:srcnet:rabbitmq", sub: "ada")) == folder + "/homes/ada")

            let wrong = text.replacing("\"limit\"", with: "\"limt\"").replacing("\"home\"", with: "\"registry\"")
            try Data(wrong.utf8).write(to: URL(filePath: folder + "/site.json"))
            #expect(throws: (any Error).self) { try FolderStager(site: try SiteFile(path: folder + "/site.json")) }
            #expect(throws: (any Error).self) { try HomeFolders(site: try SiteFile(path: folder + "/site.json")) }
        }
    }

    private func head() throws -> TaskHead {
        TaskHead(
            task: try #require(TaskID(UUID().uuidString)),
            session: try #require(SessionID("6f9619ff-8b86-4011-b42d-00c04fc964ff")),
            owner: Owner(iss: "urn:srcnet:rabbitmq", sub: "ada"))
    }
}
