import ExecutionModel
import FoundationEssentials
import Glibc
import PrepareData
import TestSupport
import Testing

@Suite struct PrepareDataStageTests {
    @Test func `what is here is linked, what is elsewhere is copied, and progress tells of both`() async throws {
        try await withTemporaryFolder { folder in
            let world = try PrepareDataWorld(folder)
            let near = try await world.register("near", noise(2_500_000), in: [world.near])
            let far = try await world.register("far", noise(3_500_000, seed: 2), in: [world.far])
            let log = ProgressLog()
            let result = try await world.stager().stage(
                [.init(did: near, path: "a/near.fits"), .init(did: far)], into: world.data, progress: { log($0) })
            #expect(result == PreparedData(files: 2, bytes: 6_000_000, linked: 1))
            #expect(contents(world.data + "/a/near.fits") == noise(2_500_000))
            #expect(contents(world.data + "/far") == noise(3_500_000, seed: 2))
            #expect(inode(world.data + "/a/near.fits") == inode(try world.replica(near, in: world.near)))
            #expect(world.tree(world.data) == ["a", "a/near.fits", "far"])
            #expect(log.all.map(\.done) == log.all.map(\.done).sorted())
            #expect(log.all.first?.done == 0 && log.all.last == TaskProgress(done: 6_000_000, total: 6_000_000))
            #expect(log.all.count > 4)
        }
    }

    @Test func `where a site wants it, what is here is copied`() async throws {
        try await withTemporaryFolder { folder in
            let world = try PrepareDataWorld(folder)
            let did = try await world.register("near", noise(1_000), in: [world.near])
            let result = try await world.stager(.copied).stage([.init(did: did)], into: world.data, progress: { _ in })
            #expect(result.linked == 0)
            #expect(inode(world.data + "/near") != inode(try world.replica(did, in: world.near)))
        }
    }

    @Test func `asked again, what is in place stays as it is`() async throws {
        try await withTemporaryFolder { folder in
            let world = try PrepareDataWorld(folder)
            let near = try await world.register("near", noise(1_000), in: [world.near])
            let far = try await world.register("far", noise(2_000), in: [world.far])
            let items = [PrepareDataCommand.Item(did: near), .init(did: far)]
            let first = try await world.stager().stage(items, into: world.data, progress: { _ in })
            let inodes = [inode(world.data + "/near"), inode(world.data + "/far")]
            // Not even the storages are needed any more.
            try FileManager.default.removeItem(atPath: world.far.path)
            let log = ProgressLog()
            #expect(try await world.stager().stage(items, into: world.data, progress: { log($0) }) == first)
            #expect([inode(world.data + "/near"), inode(world.data + "/far")] == inodes)
            #expect(log.all.last?.done == 3_000)
        }
    }

    @Test func `what an earlier attempt left half done is done anew`() async throws {
        try await withTemporaryFolder { folder in
            let world = try PrepareDataWorld(folder)
            let far = try await world.register("far", noise(2_000), in: [world.far])
            let part = world.data + "/.part/old/deep"
            try FileManager.default.createDirectory(atPath: part, withIntermediateDirectories: true)
            try Data(noise(100)).write(to: URL(filePath: part + "/file"))
            try Data(noise(1_999)).write(to: URL(filePath: world.data + "/far"))
            _ = try await world.stager().stage([.init(did: far)], into: world.data, progress: { _ in })
            #expect(contents(world.data + "/far") == noise(2_000))
            #expect(world.tree(world.data) == ["far"])
        }
    }

    // MARK: Wrong replicas

    @Test(arguments: [true, false], [FolderStager.LocalData.linked, .copied])
    func `a wrong checksum fails and leaves nothing of the file`(
        isLocal: Bool, localData: FolderStager.LocalData
    ) async throws {
        try await withTemporaryFolder { folder in
            let world = try PrepareDataWorld(folder)
            let storage = isLocal ? world.near : world.far
            let did = try await world.register("x", noise(2_000_000), in: [storage])
            var bytes = noise(2_000_000)
            bytes[1_999_999] ^= 1
            try world.damage(did, in: storage, with: bytes)
            let found = await failure {
                _ = try await world.stager(localData).stage([.init(did: did)], into: world.data, progress: { _ in })
            }
            #expect(found?.reason == "checksum-mismatch")
            #expect(found?.detail?.contains("lab:x") == true && found?.detail?.contains(storage.name) == true)
            #expect(world.tree(world.data) == [])
        }
    }

    @Test(arguments: [1_999_999, 2_000_001, 0])
    func `a wrong size fails and leaves nothing of the file`(size: Int) async throws {
        try await withTemporaryFolder { folder in
            let world = try PrepareDataWorld(folder)
            let did = try await world.register("x", noise(2_000_000), in: [world.far])
            try world.damage(did, in: world.far, with: noise(size))
            let found = await failure {
                _ = try await world.stager().stage([.init(did: did)], into: world.data, progress: { _ in })
            }
            #expect(found?.reason == "size-mismatch")
            #expect(world.tree(world.data) == [])
        }
    }

    @Test func `where one replica is bad, another does`() async throws {
        try await withTemporaryFolder { folder in
            let world = try PrepareDataWorld(folder)
            let bad = try await world.register("bad", noise(1_000), in: [world.near, world.far])
            let gone = try await world.register("gone", noise(1_000), in: [world.near, world.far])
            try world.damage(bad, in: world.near, with: noise(1_000, seed: 9))
            try FileManager.default.removeItem(atPath: try world.replica(gone, in: world.near))
            let result = try await world.stager().stage(
                [.init(did: bad), .init(did: gone)], into: world.data, progress: { _ in })
            #expect(result.linked == 0 && result.files == 2)
            #expect(contents(world.data + "/bad") == noise(1_000))
        }
    }

    @Test func `without a replica, or without a name, the reason says so`() async throws {
        try await withTemporaryFolder { folder in
            let world = try PrepareDataWorld(folder)
            let did = try await world.register("x", noise(10), in: [world.far])
            try FileManager.default.removeItem(atPath: try world.replica(did, in: world.far))
            let missing = await failure {
                _ = try await world.stager().stage([.init(did: did)], into: world.data, progress: { _ in })
            }
            #expect(missing?.reason == "unavailable")
            let unknown = await failure {
                let never = DataIdentifier(scope: "lab", name: "never")
                _ = try await world.stager().stage([.init(did: never)], into: world.data, progress: { _ in })
            }
            #expect(unknown?.reason == "not-found")
            #expect(unknown?.detail?.contains("lab:never") == true)
        }
    }

    @Test(arguments: [true, false])
    func `a replica that leads out of its storage is not read`(isParent: Bool) async throws {
        try await withTemporaryFolder { folder in
            let world = try PrepareDataWorld(folder)
            let did = try await world.register("x", noise(10), in: [world.near])
            let replica = try world.replica(did, in: world.near)
            // Outside lies a file with the right bytes.
            let outside = folder + "/outside"
            try FileManager.default.createDirectory(atPath: outside, withIntermediateDirectories: false)
            try FileManager.default.moveItem(atPath: replica, toPath: outside + "/x")
            let parent = String(replica.dropLast(2))
            if isParent { try FileManager.default.removeItem(atPath: parent) }
            try FileManager.default.createSymbolicLink(
                atPath: isParent ? parent : replica, withDestinationPath: isParent ? outside : outside + "/x")
            let found = await failure {
                _ = try await world.stager().stage([.init(did: did)], into: world.data, progress: { _ in })
            }
            #expect(found?.reason == "unsafe-path")
            #expect(world.tree(world.data) == [])
        }
    }

    // MARK: Places

    @Test(arguments: ["../x", "/x", "a/../../x", "a/./x", "a//x", "", ".", "x/", "a\0b", "a\nb"])
    func `a place outside of the data is refused`(path: String) async throws {
        try await withTemporaryFolder { folder in
            let world = try PrepareDataWorld(folder)
            let did = try await world.register("x", noise(10), in: [world.near])
            let before = world.tree(folder)
            let found = await failure {
                _ = try await world.stager().stage([.init(did: did, path: path)], into: world.data, progress: { _ in })
            }
            #expect(found?.reason == "unsafe-path")
            #expect(world.tree(folder) == before)
        }
    }

    @Test(arguments: ["", "/a", "/a/b"])
    func `no link on the way to a place is followed`(link: String) async throws {
        try await withTemporaryFolder { folder in
            let world = try PrepareDataWorld(folder)
            let did = try await world.register("x", noise(10), in: [world.near])
            let outside = folder + "/outside"
            try FileManager.default.createDirectory(atPath: outside + "/b", withIntermediateDirectories: true)
            let place = world.data + link
            try FileManager.default.createDirectory(
                atPath: String(place.prefix(upTo: place.lastIndex(of: "/") ?? place.startIndex)),
                withIntermediateDirectories: true)
            try FileManager.default.createSymbolicLink(atPath: place, withDestinationPath: outside)
            let found = await failure {
                _ = try await world.stager().stage(
                    [.init(did: did, path: "a/b/x")], into: world.data, progress: { _ in })
            }
            #expect(found?.reason == "unsafe-path")
            #expect(world.tree(outside) == ["b"])
        }
    }

    @Test func `a link in a file's own place is replaced, not followed`() async throws {
        try await withTemporaryFolder { folder in
            let world = try PrepareDataWorld(folder)
            let did = try await world.register("x", noise(10), in: [world.far])
            try Data("mine".utf8).write(to: URL(filePath: folder + "/victim"))
            try FileManager.default.createDirectory(atPath: world.data, withIntermediateDirectories: true)
            try FileManager.default.createSymbolicLink(
                atPath: world.data + "/x", withDestinationPath: folder + "/victim")
            _ = try await world.stager().stage([.init(did: did)], into: world.data, progress: { _ in })
            #expect(contents(folder + "/victim") == Array("mine".utf8))
            #expect(contents(world.data + "/x") == noise(10))
        }
    }

    @Test func `two files at one place, or one below the other, are refused before anything is touched`() async throws {
        try await withTemporaryFolder { folder in
            let world = try PrepareDataWorld(folder)
            let a = try await world.register("a", noise(10), in: [world.near])
            let b = try await world.register("b", noise(10), in: [world.near])
            for (first, second) in [("x", "x"), ("x", "x/y"), ("x/y/z", "x/y")] {
                let found = await failure {
                    _ = try await world.stager().stage(
                        [.init(did: a, path: first), .init(did: b, path: second)], into: world.data, progress: { _ in })
                }
                #expect(found?.reason == "path-taken")
            }
            #expect(!FileManager.default.fileExists(atPath: world.data))
        }
    }

    @Test func `a folder in a file's place fails`() async throws {
        try await withTemporaryFolder { folder in
            let world = try PrepareDataWorld(folder)
            let did = try await world.register("x", noise(10), in: [world.near])
            try FileManager.default.createDirectory(atPath: world.data + "/x", withIntermediateDirectories: true)
            let found = await failure {
                _ = try await world.stager().stage([.init(did: did)], into: world.data, progress: { _ in })
            }
            #expect(found?.reason == "path-taken")
        }
    }

    // MARK: Datasets and sizes

    @Test(arguments: [0, 1, 2_000])
    func `the files of a dataset lie in its folder`(count: Int) async throws {
        try await withTemporaryFolder { folder in
            let world = try PrepareDataWorld(folder)
            let files = try world.registerMany(count)
            let set = DataIdentifier(scope: "lab", name: "set", type: .dataset)
            try await world.catalogue.register(set, contents: files)
            let result = try await world.stager().stage(
                [.init(did: set, path: "survey/set")], into: world.data, progress: { _ in })
            #expect(result == PreparedData(files: Int64(count), bytes: Int64(count) * 8, linked: Int64(count)))
            #expect(world.tree(world.data + "/survey/set").count == count)
        }
    }

    @Test func `an empty file is staged, linked or copied`() async throws {
        try await withTemporaryFolder { folder in
            let world = try PrepareDataWorld(folder)
            let a = try await world.register("a", [], in: [world.near])
            let b = try await world.register("b", [], in: [world.far])
            let log = ProgressLog()
            let result = try await world.stager().stage(
                [.init(did: a), .init(did: b)], into: world.data, progress: { log($0) })
            #expect(result == PreparedData(files: 2, bytes: 0, linked: 1))
            #expect(log.all.last == TaskProgress(done: 0, total: 0))
        }
    }

    @Test func `one session's data can go while another's stays`() async throws {
        try await withTemporaryFolder { folder in
            let world = try PrepareDataWorld(folder)
            let did = try await world.register("x", noise(1_000), in: [world.near])
            let other = folder + "/areas/session/other"
            _ = try await world.stager().stage([.init(did: did)], into: world.data, progress: { _ in })
            _ = try await world.stager().stage([.init(did: did)], into: other, progress: { _ in })
            try FileManager.default.removeItem(atPath: world.data)
            #expect(contents(other + "/x") == noise(1_000))
            #expect(contents(try world.replica(did, in: world.near)) == noise(1_000))
        }
    }

    // MARK: Ends in the middle

    @Test func `cancelled between two chunks, nothing half copied stays`() async throws {
        try await withTemporaryFolder { folder in
            // A real copy, slowed down so that it lasts some seconds.
            let world = try PrepareDataWorld(folder, farLimit: 500_000)
            let near = try await world.register("near", noise(10), in: [world.near])
            let far = try await world.register("far", noise(5_000_000), in: [world.far])
            let log = ProgressLog()
            let work = Task {
                try await world.stager().stage(
                    [.init(did: near), .init(did: far)], into: world.data, progress: { log($0) })
            }
            #expect(await eventually { world.tree(world.data).contains { $0.hasPrefix(".part/") } })
            work.cancel()
            await #expect(throws: CancellationError.self) { try await work.value }
            #expect(log.all.last.map { $0.done < 5_000_010 } == true)
            #expect(world.tree(world.data) == ["near"])
        }
    }

    @Test func `killed in the middle of a copy, the next attempt finishes it`() async throws {
        try await withTemporaryFolder { folder in
            let world = try PrepareDataWorld(folder)
            try await world.register("far", noise(3_000_000), in: [world.far])
            await #expect(processExitsWith: .signal(SIGKILL)) { [folder = folder as String] in
                let world = try PrepareDataWorld(folder, farLimit: 1_000_000)
                _ = try await world.stager().stage(
                    [.init(did: DataIdentifier(scope: "lab", name: "far"))], into: world.data,
                    progress: { if $0.done > 1_000_000 { kill(getpid(), SIGKILL) } })
            }
            #expect(world.tree(world.data).contains { $0.hasPrefix(".part/") })
            #expect(!world.tree(world.data).contains("far"))
            let far = DataIdentifier(scope: "lab", name: "far")
            _ = try await world.stager().stage([.init(did: far)], into: world.data, progress: { _ in })
            #expect(world.tree(world.data) == ["far"])
            #expect(contents(world.data + "/far") == noise(3_000_000))
        }
    }

    @Test(.enabled(if: getuid() == 0, "mounting a small file system takes root"))
    func `a full disk fails with no-space and leaves nothing half copied`() async throws {
        try await withTemporaryFolder { folder in
            let world = try PrepareDataWorld(folder)
            let small = try await world.register("small", noise(100_000), in: [world.near])
            let large = try await world.register("large", noise(3_000_000), in: [world.far])
            let area = folder + "/areas/session"
            // Where even root may not mount there is nothing to see.
            guard mount("execbus-test", area, "tmpfs", 0, "size=1m") == 0 else { return }
            defer { umount2(area, Int32(MNT_DETACH)) }
            let found = await failure {
                _ = try await world.stager().stage(
                    [.init(did: small), .init(did: large)], into: world.data, progress: { _ in })
            }
            #expect(found?.reason == "no-space")
            // Another file system cannot be linked to: the local replica was copied.
            #expect(world.tree(world.data) == ["small"])
        }
    }
}

extension PrepareDataWorld {
    /// Writes many small files straight into the near storage, and all of them into the catalogue at once.
    func registerMany(_ count: Int) throws -> [DataIdentifier] {
        var entries: [String] = []
        var dids: [DataIdentifier] = []
        for number in 0..<count {
            let did = DataIdentifier(scope: "lab", name: "file-\(number)")
            let bytes = Array("\(10_000_000 + number)".utf8)
            var sum = Adler32()
            bytes.withUnsafeBytes { sum.update($0) }
            let path = try replica(did, in: near)
            try FileManager.default.createDirectory(
                atPath: String(path.dropLast(did.name.count + 1)), withIntermediateDirectories: true)
            try Data(bytes).write(to: URL(filePath: path))
            entries.append(
                #"{"scope": "lab", "name": "\#(did.name)", "bytes": 8, "adler32": "\#(sum)", "rses": ["NEAR"]}"#)
            dids.append(did)
        }
        let text = #"{"dids": [\#(entries.joined(separator: ",\n"))]}"#
        try Data(text.utf8).write(to: URL(filePath: catalogue.path))
        return dids
    }
}
