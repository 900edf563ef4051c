import Files
import ExecutionModel
import FoundationEssentials
import Harbor
import MessageBus
import OCI
import Preparation
import Testing
import TestSupport
import Wire

@Suite struct HarborTests {
    /// A site whose registry holds one tiny image.
    private func withHarbor(
        retention: Duration = .seconds(7 * 86_400),
        _ body: (PreparationPlay<HarborWork>, _ folder: String, _ layer: Descriptor) async throws -> Void
    ) async throws {
        try await withTemporaryFolder { folder in
            let source = folder + "/image"
            try FileManager.default.createDirectory(atPath: source + "/bin", withIntermediateDirectories: true)
            try Data("hello".utf8).write(to: URL(filePath: source + "/bin/hello"))
            let layer = try await Preparing.makeRegistry(
                at: folder + "/registry", from: source, name: "srcnet/tiny:1", entrypoint: ["/bin/hello"],
                labels: ["org.srcnet.session": "notebook"])
            let site = try Preparing.site
            var settings = HarborSettings(site: site, registry: folder + "/registry", store: folder + "/images")
            settings.retention = retention
            let (participant, performer) = try await Harbor.worker(settings)
            try await body(PreparationPlay(participant, performer, site: site), folder, layer)
        }
    }

    private func pull(digest: String? = nil) throws -> JSON {
        let image = ExecutionModel.ImageReference(locations: ["srcnet/other:1", "srcnet/tiny:1"], digest: digest)
        return PullImageCommand(head: try Preparing.head(), image: image).json
    }

    @Test func `an image is resolved, pulled, unpacked, and then present`() async throws {
        try await withHarbor { harbor, folder, _ in
            try await harbor.command(.imageResolve, ["image": "srcnet/tiny:1"])
            let before = try ImageDocument(try #require(harbor.last(.image)))
            #expect(before.present == false)
            #expect(before.entrypoint == ["/bin/hello"])
            #expect(before.kind == "jupyter-notebook")
            #expect((before.seconds ?? -1) > 0)

            try await harbor.command(.imagePull, try pull(digest: before.digest))
            let done = try #require(harbor.last(.taskDone))
            #expect(done["status"] == "completed")
            #expect(done["result"]?["digest"]?.string == before.digest)
            #expect(done["result"]?["present"] == true)
            let root = folder + "/images/rootfs/" + before.digest.dropFirst("sha256:".count)
            #expect(try FileSystem.contents(root + "/bin/hello") == Array("hello".utf8))

            try await harbor.command(.imageResolve, ["image": "srcnet/tiny:1"])
            #expect(harbor.last(.image)?["present"] == true)
        }
    }

    @Test func `an image that is here already needs no registry`() async throws {
        try await withHarbor { harbor, folder, _ in
            try await harbor.command(.imagePull, try pull())
            let digest = try #require(harbor.last(.taskDone)?["result"]?["digest"]?.string)
            try FileManager.default.removeItem(atPath: folder + "/registry")
            let image = ExecutionModel.ImageReference(locations: ["srcnet/tiny:1"], digest: digest)
            let head = try Preparing.head(task: "6f1c9c6e-0c0e-4c5a-9f5e-0d7f3a5e0009")
            try await harbor.command(.imagePull, PullImageCommand(head: head, image: image).json)
            #expect(harbor.last(.taskDone)?["status"] == "completed")
        }
    }

    @Test func `one altered byte in a layer fails the task and leaves nothing`() async throws {
        try await withHarbor { harbor, folder, layer in
            let path = URL(filePath: folder + "/registry/blobs/sha256/" + layer.digest.hex)
            var bytes = try Data(contentsOf: path)
            let middle = bytes.count / 2
            bytes[middle] ^= 1
            try bytes.write(to: path)
            try await harbor.command(.imagePull, try pull())
            let done = try #require(harbor.last(.taskDone))
            #expect(done["status"] == "failed")
            #expect(done["reason"] == "checksum-mismatch")
            #expect(FileSystem.names(in: folder + "/images/rootfs").isEmpty)
            #expect(FileSystem.names(in: folder + "/images/blobs/sha256").isEmpty)
            #expect(FileSystem.names(in: folder + "/images/.ingest").isEmpty)
            #expect(try ImageStore(at: folder + "/images").digests(heldBy: Preparing.task).isEmpty)
        }
    }

    @Test func `an unknown image is not found`() async throws {
        try await withHarbor { harbor, _, _ in
            try await harbor.command(.imageResolve, ["image": "srcnet/nothing:1"])
            #expect(harbor.last(.problem)?["type"] == "urn:srcnet:problem:not-found")
            let image = ExecutionModel.ImageReference(locations: ["srcnet/nothing:1"])
            try await harbor.command(.imagePull, PullImageCommand(head: try Preparing.head(), image: image).json)
            #expect(harbor.last(.taskDone)?["reason"] == "not-found")
        }
    }

    @Test func `a release takes the note away that holds the image`() async throws {
        try await withHarbor { harbor, folder, _ in
            try await harbor.command(.imagePull, try pull())
            let store = try ImageStore(at: folder + "/images")
            #expect(store.digests(heldBy: Preparing.task).count == 1)
            try await harbor.command(.taskRelease, ["task": .string(Preparing.task)])
            #expect(harbor.last(.task)?["released"] == true)
            #expect(store.digests(heldBy: Preparing.task).isEmpty)
        }
    }

    @Test func `an image that no session needs is kept for the site's time, and then pulled anew`() async throws {
        try await withHarbor(retention: .zero) { harbor, folder, _ in
            try await harbor.command(.imagePull, try pull())
            let hour = Duration.seconds(3_600)
            try await harbor.carryOut(try await harbor.harness.advance(by: hour))
            #expect(FileSystem.names(in: folder + "/images/rootfs").count == 1)
            try await harbor.command(.taskRelease, ["task": .string(Preparing.task)])
            #expect(FileSystem.names(in: folder + "/images/rootfs").count == 1)
            try await harbor.carryOut(try await harbor.harness.advance(by: hour))
            #expect(FileSystem.names(in: folder + "/images/rootfs").isEmpty)
            #expect(FileSystem.names(in: folder + "/images/blobs/sha256").isEmpty)
            var head = try Preparing.head(task: "6f1c9c6e-0c0e-4c5a-9f5e-0d7f3a5e0009")
            head.deadline = nil
            let image = ExecutionModel.ImageReference(locations: ["srcnet/tiny:1"])
            try await harbor.command(.imagePull, PullImageCommand(head: head, image: image).json)
            #expect(harbor.last(.taskDone)?["task"]?.string == head.task.description)
            #expect(harbor.last(.taskDone)?["status"] == "completed")
            #expect(FileSystem.names(in: folder + "/images/rootfs").count == 1)
        }
    }

    @Test(arguments: [
        (#"{"retention": "P30D"}"#, true), (#"{"retention": "PT5M"}"#, false), (#"{"age": "P1D"}"#, false),
    ])
    func `how long images are kept is read from the site's file`(_ images: String, _ isRight: Bool) throws {
        let json: JSON = ["site": "ral", "state": "s", "registry": "r", "images": try JSON(parsing: images)]
        let settings = try? HarborSettings(SiteFile(json, folder: "/"))
        #expect((settings?.retention == .seconds(30 * 86_400)) == isRight)
    }
}
