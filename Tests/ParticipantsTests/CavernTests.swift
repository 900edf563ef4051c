import ExecutionModel
import Files
import FoundationEssentials
import Glibc
import TestSupport
import Testing
import Wire

@testable import Cavern

@Suite struct CavernTests {
    /// Homes, and the area of a session.
    private struct World: Sendable {
        let folder: String
        let folders: HomeFolders

        var own: String { folder + "/homes/ada" }
        var home: String { folder + "/area/home" }

        init(_ folder: String) throws {
            self.folder = folder
            folders = HomeFolders(root: folder + "/homes")
            for path in ["/homes/ada/notes", "/area"] {
                try FileManager.default.createDirectory(atPath: folder + path, withIntermediateDirectories: true)
            }
        }

        func write(_ path: String, _ bytes: [UInt8]) throws {
            try Data(bytes).write(to: URL(filePath: folder + path))
        }

        func tree(_ path: String) -> [String] {
            ((try? FileManager.default.subpathsOfDirectory(atPath: path)) ?? []).sorted()
        }

        func pull(_ paths: [String] = [], log: ProgressLog = ProgressLog()) async throws -> PulledFiles {
            try await folders.pull(paths, of: ada, into: home, progress: { log($0) })
        }
    }

    // MARK: Pulling

    @Test func `the user's folder is copied, with permissions and times`() async throws {
        try await withTemporaryFolder { folder in
            let world = try World(folder)
            try world.write("/homes/ada/cube.fits", noise(2_500_000))
            try world.write("/homes/ada/notes/a.sh", Array("echo".utf8))
            try world.write("/homes/ada/empty", [])
            chmod(world.own + "/notes/a.sh", 0o750)
            chmod(world.own + "/notes", 0o500)
            utimes(world.own + "/notes/a.sh", [timeval(tv_sec: 1_000, tv_usec: 0), timeval(tv_sec: 1_000, tv_usec: 0)])
            let log = ProgressLog()
            #expect(try await world.pull(log: log) == PulledFiles(files: 3, bytes: 2_500_004))
            #expect(world.tree(world.home) == ["cube.fits", "empty", "notes", "notes/a.sh"])
            #expect(contents(world.home + "/cube.fits") == noise(2_500_000))
            var status = stat()
            #expect(stat(world.home + "/notes/a.sh", &status) == 0)
            #expect(status.st_mode & 0o777 == 0o750 && status.st_mtim.tv_sec == 1_000)
            #expect(stat(world.home + "/notes", &status) == 0 && status.st_mode & 0o777 == 0o500)
            #expect(log.all.map(\.done) == log.all.map(\.done).sorted())
            #expect(log.all.last == TaskProgress(done: 2_500_004, total: 2_500_004))
            // A copy: what the session does with it, the user's own file does not see.
            try world.write("/area/home/cube.fits", [1])
            #expect(contents(world.own + "/cube.fits")?.count == 2_500_000)
        }
    }

    @Test func `links are kept as they are written, and never followed`() async throws {
        try await withTemporaryFolder { folder in
            let world = try World(folder)
            try world.write("/secret", Array("of another user".utf8))
            let links = ["up": "../../secret", "etc": "/etc/passwd", "inside": "notes", "nowhere": "no/such/thing"]
            for (name, text) in links {
                try FileManager.default.createSymbolicLink(atPath: "\(world.own)/\(name)", withDestinationPath: text)
            }
            #expect(try await world.pull().files == 4)
            for (name, text) in links {
                let path = "\(world.home)/\(name)"
                #expect(try FileManager.default.destinationOfSymbolicLink(atPath: path) == text)
            }
            // From the area, the first leads nowhere near the secret; nothing was copied through it.
            #expect(!world.tree(world.home).contains { $0.hasPrefix("inside/") })
        }
    }

    @Test func `pipes and devices are passed over, and names need not be text`() async throws {
        try await withTemporaryFolder { folder in
            let world = try World(folder)
            #expect(mkfifo(world.own + "/pipe", 0o600) == 0)
            let latin: [CChar] = Array(world.own.utf8CString.dropLast()) + [0x2F, CChar(bitPattern: 0xE9), 0x0A, 0]
            let file = creat(latin, 0o600)
            #expect(file >= 0)
            close(file)
            #expect(try await world.pull() == PulledFiles(files: 1, bytes: 0))
            let names = try Folder(world.home).names()
            #expect(Set(names.map(\.bytes)) == [Array("notes".utf8), [0xE9, 0x0A]])
        }
    }

    @Test func `a new user gets an empty folder, for that user alone`() async throws {
        try await withTemporaryFolder { folder in
            let folders = HomeFolders(root: folder + "/deep/homes")
            let eve = Owner(iss: "urn:srcnet:rabbitmq", sub: "eve")
            try FileManager.default.createDirectory(atPath: folder + "/area", withIntermediateDirectories: true)
            let pulled = try await folders.pull([], of: eve, into: folder + "/area/home", progress: { _ in })
            #expect(pulled == PulledFiles(files: 0, bytes: 0))
            var status = stat()
            #expect(stat(folder + "/deep/homes/eve", &status) == 0 && status.st_mode & 0o777 == 0o700)
            #expect(stat(folder + "/area/home", &status) == 0 && status.isFolder)
        }
    }

    @Test func `only the paths that are asked for are copied, each once`() async throws {
        try await withTemporaryFolder { folder in
            let world = try World(folder)
            for name in ["a", "notes/b", "notes/c", "other"] { try world.write("/homes/ada/\(name)", noise(10)) }
            #expect(try await world.pull(["notes", "notes/b", "a", "a"]) == PulledFiles(files: 3, bytes: 30))
            #expect(world.tree(world.home) == ["a", "notes", "notes/b", "notes/c"])
        }
    }

    @Test(arguments: [
        ("missing", "not-found"), ("notes/missing", "not-found"), ("missing/x", "not-found"),
        ("../eve/x", "unsafe-path"),
        ("/etc/passwd", "unsafe-path"), ("out/x", "unsafe-path"), ("", "unsafe-path"), ("a\0b", "unsafe-path"),
    ])
    func `a path that is not the user's is refused, and nothing is left`(path: String, reason: String) async throws {
        try await withTemporaryFolder { folder in
            let world = try World(folder)
            try FileManager.default.createDirectory(atPath: folder + "/homes/eve", withIntermediateDirectories: true)
            try world.write("/homes/eve/x", noise(10))
            try FileManager.default.createSymbolicLink(atPath: world.own + "/out", withDestinationPath: "../eve")
            try world.write("/homes/ada/fine", noise(10))
            let found = await failure { _ = try await world.pull(["fine", path]) }
            #expect(found?.reason == reason)
            #expect(world.tree(folder + "/area") == [])
        }
    }

    @Test func `asked again, what is in place stays as it is`() async throws {
        try await withTemporaryFolder { folder in
            let world = try World(folder)
            try world.write("/homes/ada/a", noise(10))
            let first = try await world.pull()
            try world.write("/homes/ada/later", noise(10))
            #expect(try await world.pull() == first)
            #expect(world.tree(world.home) == ["a", "notes"])
        }
    }

    @Test func `cancelled, nothing half copied stays`() async throws {
        try await withTemporaryFolder { folder in
            let world = try World(folder)
            for number in 0..<3_000 { try world.write("/homes/ada/notes/\(number)", [1]) }
            let work = Task { try await world.pull() }
            _ = await eventually { FileManager.default.fileExists(atPath: folder + "/area/.home.part") }
            work.cancel()
            _ = await work.result
            // It was cancelled, or was done just before.
            let tree = world.tree(folder + "/area")
            #expect(tree.isEmpty || tree.count == 3_002)
        }
    }

    @Test func `killed in the middle, the next attempt finishes it`() async throws {
        try await withTemporaryFolder { folder in
            let world = try World(folder)
            for number in 0..<5 { try world.write("/homes/ada/notes/\(number)", noise(1_500_000)) }
            await #expect(processExitsWith: .signal(SIGKILL)) { [folder = folder as String] in
                let owner = Owner(iss: "urn:srcnet:rabbitmq", sub: "ada")
                _ = try await HomeFolders(root: folder + "/homes").pull(
                    [], of: owner, into: folder + "/area/home",
                    progress: { if $0.done > 3_000_000 { kill(getpid(), SIGKILL) } })
            }
            #expect(!FileManager.default.fileExists(atPath: world.home))
            #expect(try await world.pull().bytes == 7_500_000)
            #expect(world.tree(folder + "/area").count == 7)
        }
    }

    @Test func `folders beyond every measure are refused`() async throws {
        try await withTemporaryFolder { folder in
            let world = try World(folder)
            try deepen(world.own, by: 300)
            let found = await failure { _ = try await world.pull() }
            #expect(found?.reason == "too-deep")
            #expect(world.tree(folder + "/area") == [])
            // And yet they can be removed.
            let homes = try Folder(folder + "/homes")
            try homes.remove(try #require(FileName("ada")))
            #expect(world.tree(folder + "/homes") == [])
        }
    }

    // MARK: Keeping

    @Test func `what a session has left is kept in its owner's folder, once`() async throws {
        try await withTemporaryFolder { folder in
            let world = try World(folder)
            let session = try #require(SessionID("6f9619ff-8b86-4011-b42d-00c04fc964ff"))
            let output = folder + "/area/output"
            try FileManager.default.createDirectory(atPath: output + "/plots", withIntermediateDirectories: true)
            try world.write("/area/output/plots/a.png", noise(10))
            let kept = "\(world.own)/sessions/\(session)"
            try await world.folders.keep(output, of: session, for: ada)
            #expect(world.tree(kept) == ["plots", "plots/a.png"])
            try world.write("/area/output/plots/late", noise(10))
            try await world.folders.keep(output, of: session, for: ada)
            #expect(world.tree(kept) == ["plots", "plots/a.png"])
            #expect(world.tree(world.own + "/sessions").allSatisfy { !$0.hasSuffix(".part") })
        }
    }

    @Test func `nothing left is nothing kept`() async throws {
        try await withTemporaryFolder { folder in
            let world = try World(folder)
            let session = try #require(SessionID("6f9619ff-8b86-4011-b42d-00c04fc964ff"))
            try await world.folders.keep(folder + "/area/output", of: session, for: ada)
            try await world.folders.keep(folder + "/no/area/output", of: session, for: ada)
            try FileManager.default.createDirectory(atPath: folder + "/area/output", withIntermediateDirectories: false)
            try await world.folders.keep(folder + "/area/output", of: session, for: ada)
            // Nor is what a link in its place leads to.
            try FileManager.default.removeItem(atPath: folder + "/area/output")
            try FileManager.default.createSymbolicLink(atPath: folder + "/area/output", withDestinationPath: "/etc")
            try await world.folders.keep(folder + "/area/output", of: session, for: ada)
            #expect(world.tree(world.own) == ["notes"])
        }
    }

    // MARK: Names

    @Test func `each person has a folder of their own`() async throws {
        let plain = "urn:srcnet:rabbitmq"
        let owners = [
            Owner(iss: plain, sub: "ada"), Owner(iss: "https://idp.example", sub: "ada"),
            Owner(iss: "https://other.example", sub: "ada"), Owner(iss: plain, sub: "../ada"),
            Owner(iss: plain, sub: "ADA"),
            Owner(iss: "https://idp.example\nada", sub: ""), Owner(iss: plain, sub: "/"),
            Owner(iss: plain, sub: "a\0a"),
            Owner(iss: plain, sub: String(repeating: "long", count: 1_000)),
        ]
        let names = try owners.map { try UserFolderName.of($0).description }
        #expect(names[0] == "ada")
        #expect(Set(names).count == owners.count)
        for name in names.dropFirst() { #expect(name.contains("@") && !name.contains("/") && name.utf8.count <= 255) }
        // Groups change, the person stays.
        #expect(try UserFolderName.of(Owner(iss: plain, sub: "ada", groups: ["g"])).description == "ada")
    }
}

private let ada = Owner(iss: "urn:srcnet:rabbitmq", sub: "ada")

/// Makes folders in folders.
private func deepen(_ path: String, by levels: Int) throws {
    var folder = try Folder(path)
    let name = try #require(FileName("d"))
    for _ in 0..<levels {
        try folder.makeFolder(name)
        folder = try folder.folder(name)
    }
}
