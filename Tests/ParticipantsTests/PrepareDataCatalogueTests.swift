import ExecutionModel
import Files
import FoundationEssentials
import TestSupport
import Testing

@testable import PrepareData

@Suite struct PrepareDataCatalogueTests {
    @Test(arguments: [("", "00000001"), ("Wikipedia", "11e60398"), ("a", "00620062")])
    func `adler32 is that of RFC 1950`(text: String, expected: String) {
        var sum = Adler32()
        Array(text.utf8).withUnsafeBytes { sum.update($0) }
        #expect(sum.description == expected)
        #expect(Adler32(expected) == sum)
    }

    @Test(arguments: ["", "1234567", "123456789", "0x123456", "+1234567", "12 34567", "१२३४५६७८"])
    func `a checksum is 8 hexadecimal digits`(text: String) {
        #expect(Adler32(text) == nil)
    }

    @Test(arguments: [
        ("lab", "one.bin", "lab/da/29/one.bin"), ("user.jdoe", "x", "user/jdoe/a4/be/x"),
        ("group.sci", "a/b.fits", "group/sci/20/e0/a/b.fits"), ("my.lab", "x", "my.lab/84/7b/x"),
    ])
    func `a replica lies where Rucio's hash says`(scope: String, name: String, path: String) {
        #expect(ReplicaPath(Catalogue.Key(scope: scope, name: name))?.path.description == path)
    }

    @Test(arguments: ["../x", "/etc/passwd", "a/../../b", "a//b", ".", "", "a\0b"])
    func `a name that leads out of a storage is refused`(name: String) {
        #expect(ReplicaPath(Catalogue.Key(scope: "lab", name: name)) == nil)
        #expect(ReplicaPath(Catalogue.Key(scope: name, name: "x")) == nil)
    }

    @Test func `a file that is registered lies in its storage and stands in the catalogue`() async throws {
        try await withTemporaryFolder { folder in
            let world = try PrepareDataWorld(folder)
            let bytes = noise(3_000_000)
            let did = try await world.register("cube.fits", bytes, in: [world.near])
            #expect(contents(try world.replica(did, in: world.near)) == bytes)
            // Other programs see it; so does the next reader of the same file.
            let entry = try CatalogueFile(world.catalogue.path).load().entry(did)
            guard case .file(let file) = entry else {
                Issue.record("not a file: \(String(describing: entry))")
                return
            }
            #expect(file.bytes == 3_000_000 && file.rses == ["NEAR"])
            #expect(world.tree(folder).contains { $0.contains(".part") || $0.contains(".new") } == false)
        }
    }

    @Test func `registered again, a file gets another replica, and other bytes are refused`() async throws {
        try await withTemporaryFolder { folder in
            let world = try PrepareDataWorld(folder)
            let did = try await world.register("x", [1, 2, 3], in: [world.near, world.far, world.near])
            guard case .file(let file) = try world.catalogue.load().entry(did) else { return }
            #expect(file.rses == ["NEAR", "FAR"])
            await #expect(throws: CatalogueError.self) { try await world.register("x", [1, 2], in: [world.near]) }
            #expect(contents(try world.replica(did, in: world.near)) == [1, 2, 3])
        }
    }

    @Test func `many that register at once lose nothing`() async throws {
        try await withTemporaryFolder { folder in
            let world = try PrepareDataWorld(folder)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<20 {
                    group.addTask {
                        // A catalogue of its own for each, as in as many processes.
                        let file = folder + "/upload\(number)"
                        try Data([UInt8(number)]).write(to: URL(filePath: file))
                        let did = DataIdentifier(scope: "lab", name: "f\(number)")
                        try await CatalogueFile(world.catalogue.path).register(file: file, as: did, in: world.near)
                    }
                }
                try await group.waitForAll()
            }
            #expect(try world.catalogue.load().entries.count == 20)
        }
    }

    @Test func `a catalogue without a file is empty`() async throws {
        try await withTemporaryFolder { folder in
            for name in ["/none.json", "/nowhere/none.json"] {
                let found = try CatalogueFile(folder + name).load()
                #expect(found == Catalogue())
            }
        }
    }

    @Test(arguments: [
        ("", "no JSON"), ("[]", "must be an object"), ("{}", "dids"),
        (#"{"dids": [{"scope": "lab", "name": "../x", "bytes": 1, "adler32": "00000001", "rses": []}]}"#, "path"),
        (#"{"dids": [{"scope": "lab", "name": "x", "bytes": -1, "adler32": "00000001", "rses": []}]}"#, "bytes"),
        (#"{"dids": [{"scope": "lab", "name": "x", "bytes": 1, "adler32": "1", "rses": []}]}"#, "hexadecimal"),
        (#"{"dids": [{"scope": "lab", "name": "x", "type": "DATASET"}]}"#, "contents"),
    ])
    func `a catalogue that is wrong says where`(text: String, word: String) async throws {
        try await withTemporaryFolder { folder in
            try Data(text.utf8).write(to: URL(filePath: folder + "/catalogue.json"))
            let error = #expect(throws: CatalogueError.self) {
                try CatalogueFile(folder + "/catalogue.json").load()
            }
            #expect(error?.description.contains(word) == true, "\(error?.description ?? "")")
            #expect(error?.description.contains(folder) == true)
        }
    }

    @Test func `a change by another program is seen at once`() async throws {
        try await withTemporaryFolder { folder in
            let world = try PrepareDataWorld(folder)
            #expect(try world.catalogue.load().entries.isEmpty)
            let other = try CatalogueFile(world.catalogue.path)
            let file = folder + "/upload"
            for number in 1...5 {
                try Data([UInt8(number)]).write(to: URL(filePath: file))
                let did = DataIdentifier(scope: "lab", name: "f\(number)")
                try await other.register(file: file, as: did, in: world.near)
                #expect(try world.catalogue.load().entries.count == number)
            }
        }
    }

    @Test func `a dataset is made of what is known, and a container that holds itself has an end`() async throws {
        try await withTemporaryFolder { folder in
            let world = try PrepareDataWorld(folder)
            let a = try await world.register("a", [1], in: [world.near])
            let b = try await world.register("b", [2, 2], in: [world.near])
            let set = DataIdentifier(scope: "lab", name: "set", type: .dataset)
            let box = DataIdentifier(scope: "lab", name: "box", type: .container)
            await #expect(throws: CatalogueError.self) { try await world.catalogue.register(box, contents: [set]) }
            await #expect(throws: CatalogueError.self) { try await world.catalogue.register(a, contents: [b]) }
            try await world.catalogue.register(set, contents: [a, b, a])
            try await world.catalogue.register(box, contents: [set])
            try await world.catalogue.register(set, contents: [a, b, box])
            let catalogue = try world.catalogue.load()
            let entry = try #require(catalogue.entry(box))
            #expect(catalogue.files(of: entry)?.map(\.did.name) == ["a", "b"])
        }
    }
}
