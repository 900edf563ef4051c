import Files
import Glibc
import Processes
import Synchronization
import Testing
import Wire

@testable import OCI

@Suite struct ImageStoreTests {
    let scratch: Scratch
    init() async throws { scratch = try await Scratch() }

    private var store: ImageStore { get throws { try ImageStore(at: scratch / "store") } }

    @Test(arguments: Compression.allCases)
    func `a pulled image is unpacked under its digest, whatever packed it`(compression: Compression) async throws {
        let tar = Tar.make {
            $0.folder("bin/", mode: 0o751)
            $0.file("./bin/tool", "#!", mode: 0o4755, owner: 12, group: 34)
            $0.hardLink("bin/same", to: "bin/tool")
            $0.link("lib", to: "usr/lib")
            $0.file("usr/lib/deep/er", String(repeating: "x", count: 100_000))
            $0.add("pipe", .pipe, mode: 0o600)
            $0.extended([("path", "grüße/日本"), ("SCHILY.xattr.user.colour", "blue"), ("mtime", "1700000000.5")])
            $0.file("ignored", "utf8")
        }
        let test = try TestImage(in: scratch, [tar], compression: compression)
        let seen = Mutex<[WorkProgress]>([])
        let root = try await store.pull(test.image, from: test.registry) { step in seen.withLock { $0.append(step) } }
        #expect(root == scratch / "store/rootfs/\(test.image.digest.hex)")
        #expect(text(root + "/bin/tool") == "#!")
        #expect(text(root + "/usr/lib/deep/er")?.count == 100_000)
        #expect(text(root + "/grüße/日本") == "utf8")
        let tool = try status(root + "/bin/tool")
        #expect(tool.st_ino == (try status(root + "/bin/same")).st_ino)
        #expect(tool.st_mtim.tv_sec == 1_700_000_000)
        #expect(try status(root + "/grüße/日本").st_mtim.tv_nsec == 500_000_000)
        #expect(try status(root + "/bin").st_mode & 0o7777 == 0o751)
        #expect(try status(root + "/bin").st_mtim.tv_sec == 1_700_000_000)
        #expect(try status(root + "/lib").st_mode & S_IFMT == S_IFLNK)
        #expect(try status(root + "/pipe").st_mode & S_IFMT == S_IFIFO)
        #expect(tool.st_mode & 0o7777 == 0o4755)
        if geteuid() == 0 {
            #expect(tool.st_uid == 12)
            #expect(tool.st_gid == 34)
        }
        let steps = seen.withLock { $0 }
        for stage in [WorkProgress.Stage.copying, .unpacking] {
            let mine = steps.filter { $0.stage == stage }
            #expect(mine.first?.done == 0)
            #expect(mine.last.map { $0.done == $0.total } == true)
            #expect(mine.map(\.done) == mine.map(\.done).sorted())
        }
    }

    @Test func `pulling twice finds the first time's work`() throws {
        let test = try TestImage(in: scratch, [Tar.make { $0.file("a") }])
        let root = try store.pull(test.image, from: test.registry)
        let inode = try status(root).st_ino
        try FileSystem.remove(scratch / "registry")
        #expect(try store.pull(test.image, from: test.registry) == root)
        #expect(try status(root).st_ino == inode)
        #expect(try store.root(of: test.image.digest) == root)
        #expect(try store.layout.resolve(test.image.reference).digest == test.image.digest)
    }

    @Test func `an image that is here under one name gets a second one, and without a tag its digest`() throws {
        let test = try TestImage(in: scratch, [Tar.make { $0.file("a") }])
        let store = try store
        for text in ["srcnet/test:1", "other:2", "other@\(test.image.digest)"] {
            let reference = try ImageReference(parsing: text)
            try test.registry.tag(test.image.manifestDescriptor, as: reference, for: .current)
            _ = try store.pull(try test.registry.resolve(reference), from: test.registry)
            _ = try store.pull(try test.registry.resolve(reference), from: test.registry)
            #expect(try store.layout.resolve(reference).digest == test.image.digest)
        }
        #expect(try store.layout.index().manifests.count == 3)
        #expect(throws: OCIError.self) { try store.layout.resolve(try ImageReference(parsing: "other")) }
    }

    @Test func `blobs that are here are not copied again`() throws {
        let test = try TestImage(in: scratch, [Tar.make { $0.file("a") }])
        _ = try store.pull(test.image, from: test.registry)
        #expect(try store.remove(test.image.digest))
        #expect(try store.root(of: test.image.digest) == nil)
        try FileSystem.remove(scratch / "registry/blobs")
        _ = try store.pull(test.image, from: test.registry)
        #expect(try store.root(of: test.image.digest) != nil)
    }

    @Test(arguments: Compression.allCases)
    func `one altered byte in a layer fails and leaves nothing behind`(compression: Compression) throws {
        let test = try TestImage(
            in: scratch, [Tar.make { $0.file("a", String(repeating: "abc", count: 50_000)) }], compression: compression)
        let layer = test.image.manifest.layers[0]
        try alterOneByte(of: test.registry.blobPath(layer.digest), at: Int(layer.size / 2))
        let store = try store
        #expect { try store.pull(test.image, from: test.registry) } throws: {
            ($0 as? OCIError)?.code == .digestMismatch && ($0 as? OCIError)?.digest == layer.digest
        }
        #expect(tree(scratch / "store/.ingest").isEmpty)
        #expect(tree(scratch / "store/blobs/sha256").isEmpty)
        #expect(tree(scratch / "store/rootfs").isEmpty)
    }

    @Test(arguments: [-1, 1]) func `a layer of another length fails`(change: Int) throws {
        let test = try TestImage(in: scratch, [Tar.make { $0.file("a") }])
        let layer = test.image.manifest.layers[0]
        try #require(truncate(test.registry.blobPath(layer.digest), Int(layer.size) + change) == 0)
        #expect { try store.pull(test.image, from: test.registry) } throws: {
            ($0 as? OCIError)?.code == .sizeMismatch && ($0 as? OCIError)?.digest == layer.digest
        }
        #expect(try tree(store.path + "/rootfs").isEmpty)
    }

    @Test(arguments: Compression.allCases)
    func `a blob that rotted in the store is noticed, dropped, and copied again the next time`(
        compression: Compression
    ) throws {
        let test = try TestImage(in: scratch, [Tar.make { $0.file("a", "abcdef") }], compression: compression)
        let store = try store
        let layer = test.image.manifest.layers[0]
        _ = try store.pull(test.image, from: test.registry)
        #expect(try store.remove(test.image.digest))
        try alterOneByte(of: store.layout.blobPath(layer.digest), at: compression == .none ? 513 : Int(layer.size / 2))
        #expect { try store.pull(test.image, from: test.registry) } throws: {
            ($0 as? OCIError)?.code == .digestMismatch && ($0 as? OCIError)?.digest == layer.digest
        }
        #expect(tree(scratch / "store/rootfs").isEmpty)
        #expect(text(try store.pull(test.image, from: test.registry) + "/a") == "abcdef")
    }

    @Test func `a layer that does not unpack to its diff_id fails`() throws {
        let test = try TestImage(in: scratch, [Tar.make { $0.file("a") }], diffIDs: [Digest(of: [])])
        #expect { try store.pull(test.image, from: test.registry) } throws: {
            ($0 as? OCIError)?.code == .digestMismatch
        }
        #expect(tree(scratch / "store/rootfs").isEmpty)
    }

    @Test func `an image past the limits fails and leaves nothing behind`() throws {
        let test = try TestImage(
            in: scratch, [Tar.make { $0.file("a", String(repeating: "x", count: 5000)) }], compression: .zstd)
        var limits = UnpackLimits()
        limits.bytes = 4999
        #expect { try store.pull(test.image, from: test.registry, limits: limits) } throws: {
            ($0 as? OCIError)?.code == .tooLarge
        }
        limits.bytes = 5000
        limits.entries = 0
        #expect { try store.pull(test.image, from: test.registry, limits: limits) } throws: {
            ($0 as? OCIError)?.code == .tooLarge
        }
        #expect(tree(scratch / "store/rootfs").isEmpty)
    }

    @Test(arguments: [WorkProgress.Stage.copying, .unpacking])
    func `a cancelled pull stops between two chunks and leaves nothing half done`(stage: WorkProgress.Stage)
        async throws
    {
        let test = try TestImage(
            in: scratch,
            [
                Tar.make { $0.add("a", .file, content: [UInt8](repeating: 7, count: 8 << 20)) }
            ])
        let store = try store
        let cancellation = BlockingWork.Cancellation()
        let context = WorkContext(cancellation: cancellation) { step in
            if step.stage == stage, step.done > 1 << 20 { cancellation.cancel() }
        }
        #expect(throws: CancellationError.self) { try store.pull(test.image, from: test.registry, context: context) }
        #expect(tree(scratch / "store/.ingest").isEmpty)
        #expect(tree(scratch / "store/rootfs").isEmpty)
        #expect(tree(scratch / "store/blobs/sha256").isEmpty)
    }

    @Test func `a cancelled task ends its pull`() async throws {
        let test = try TestImage(
            in: scratch,
            [
                Tar.make { $0.add("a", .file, content: [UInt8](repeating: 7, count: 8 << 20)) }
            ])
        let store = try store
        let (started, report) = AsyncStream.makeStream(of: Void.self)
        let gate = Mutex(false)
        let task = Task {
            try await store.pull(test.image, from: test.registry) { step in
                guard step.done > 0 else { return }
                report.yield()
                while !gate.withLock({ $0 }) { usleep(1000) }
            }
        }
        for await _ in started { break }
        task.cancel()
        gate.withLock { $0 = true }
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(store.root(of: test.image.digest) == nil)
    }

    @Test func `many pulls of one image at once make it once`() async throws {
        let test = try TestImage(
            in: scratch,
            [
                Tar.make { $0.add("a", .file, content: [UInt8](repeating: 7, count: 3 << 20)) }
            ], compression: .zstd)
        let path = scratch / "store"
        let registry = test.registry
        let image = test.image
        try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    // A store of its own each: another process would see no more than the files either.
                    try await ImageStore.open(at: path).pull(image, from: registry) { _ in }
                }
            }
            for try await root in group { #expect(tree(root) == ["a"]) }
        }
        #expect(FileSystem.names(in: scratch / "store/rootfs") == [image.digest.hex])
    }

    @Test func `what a dead writer left half done is removed, and what a living one writes is not`() throws {
        let first = try store
        try FileSystem.replace(scratch / "store/.ingest/dead", with: [1])
        try FileSystem.makeFolder(scratch / "store/rootfs/.new-dead/inner")
        var living = try BlobWriter(in: first.layout)
        try [UInt8](repeating: 1, count: 10).withUnsafeBytes { try living.write($0) }
        _ = try ImageStore(at: scratch / "store")
        #expect(tree(scratch / "store/rootfs").isEmpty)
        #expect(tree(scratch / "store/.ingest").count == 1)
        let descriptor = try living.finish(mediaType: "x")
        #expect(first.layout.holds(descriptor))
    }

    @Test func `an image is not removed while somebody holds it`() throws {
        let test = try TestImage(in: scratch, [Tar.make { $0.file("a") }])
        let store = try store
        try store.hold(test.image.digest, for: "task-1")
        try store.hold(test.image.digest, for: "task-1")
        try store.hold(test.image.digest, for: "task-2")
        _ = try store.pull(test.image, from: test.registry)
        try store.release(test.image.digest, by: "task-1")
        #expect(store.holders(of: test.image.digest) == ["task-2"])
        #expect(try !store.remove(test.image.digest))
        try store.release(test.image.digest, by: "task-2")
        try store.release(test.image.digest, by: "task-2")
        #expect(try store.remove(test.image.digest))
        #expect(tree(scratch / "store/rootfs").isEmpty)
        #expect(throws: OCIError.self) { try store.hold(test.image.digest, for: "../x") }
    }

    @Test func `an image that nobody has held for a while goes, with what no other needs`() throws {
        let base = Tar.make { $0.file("base") }
        let one = try TestImage(in: scratch, [base], name: "one:1")
        let two = try TestImage(in: scratch, [base, Tar.make { $0.file("top") }], name: "two:1")
        let store = try store
        for test in [one, two] {
            try store.hold(test.image.digest, for: "task-1")
            _ = try store.pull(test.image, from: test.registry)
        }
        let later = Timestamp.now() + .seconds(3_600)
        #expect(try store.removeUnused(for: .zero, now: later) == [])
        try store.release(two.image.digest, by: "task-1")
        #expect(try store.removeUnused(for: .seconds(7_200), now: later) == [])
        #expect(try store.removeUnused(for: .seconds(1_800), now: later) == [two.image.digest])
        #expect(try store.removeUnused(for: .zero, now: later) == [])
        #expect(store.root(of: two.image.digest) == nil)
        #expect(try !store.isPresent(two.image.digest))
        #expect(Set(tree(store.layout.blobFolder)) == Set(one.image.blobs.map(\.digest.hex)))
        #expect(throws: OCIError.self) { try store.layout.resolve(two.image.reference) }
        // And it can be had again.
        try store.hold(two.image.digest, for: "task-2")
        let root = try store.pull(two.image, from: two.registry)
        #expect(text(root + "/top") != nil)
        #expect(try store.removeUnused(for: .zero, now: later) == [])
        #expect(try store.isPresent(one.image.digest))
    }

    @Test func `what a crash has left of an unused image goes with the next look`() throws {
        let test = try TestImage(in: scratch, [Tar.make { $0.file("a") }])
        let store = try store
        _ = try store.pull(test.image, from: test.registry)
        // The root is gone, the name is not.
        try FileSystem.remove(try #require(store.root(of: test.image.digest)))
        let later = Timestamp.now() + .seconds(60)
        #expect(try store.removeUnused(for: .zero, now: later) == [test.image.digest])
        #expect(try store.layout.index().manifests.isEmpty)
        #expect(tree(store.layout.blobFolder).isEmpty)
    }

    @Test func `a failed pull leaves no blob of its own and every blob of others`() throws {
        let base = Tar.make { $0.file("base") }
        let good = try TestImage(in: scratch, [base], name: "good:1")
        let bad = try TestImage(in: scratch, [base, Tar.make { $0.file("top") }], name: "bad:1")
        let store = try store
        _ = try store.pull(good.image, from: good.registry)
        let before = tree(store.layout.blobFolder)
        try alterOneByte(of: bad.registry.blobPath(bad.image.manifest.layers[1].digest), at: 600)
        #expect(throws: OCIError.self) { try store.pull(bad.image, from: bad.registry) }
        #expect(tree(store.layout.blobFolder) == before)
        #expect(tree(store.path + "/rootfs") == ["\(good.image.digest.hex)/", "\(good.image.digest.hex)/base"])
    }

    @Test func `blobs are not removed under a pull that is under way, which does it itself`() throws {
        let test = try TestImage(in: scratch, [Tar.make { $0.file("a") }])
        let store = try store
        let stray = try store.layout.write([1, 2, 3], mediaType: "x")
        let attempts = Mutex(0)
        let context = WorkContext { step in
            guard step.stage == .unpacking, step.done == 0 else { return }
            try? store.removeUnusedBlobs()
            attempts.withLock { $0 += 1 }
        }
        _ = try store.pull(test.image, from: test.registry, context: context)
        #expect(attempts.withLock { $0 } == 1)
        #expect(!store.layout.holds(stray))
        #expect(test.image.blobs.allSatisfy(store.layout.holds))
        try store.removeUnusedBlobs()
        #expect(test.image.blobs.allSatisfy(store.layout.holds))
    }
}
