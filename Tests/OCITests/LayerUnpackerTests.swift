import Files
import Glibc
import Testing

@testable import OCI

/// Layers on layers, and layers that want out.
@Suite struct LayerUnpackerTests {
    let scratch: Scratch
    init() async throws { scratch = try await Scratch() }

    private func unpack(_ tars: [UInt8]...) throws -> String {
        let test = try TestImage(in: scratch, tars)
        return try ImageStore(at: scratch / "store").pull(test.image, from: test.registry)
    }

    private static let lower = Tar.make {
        $0.file("keep")
        $0.file("gone")
        $0.file("dir/one")
        $0.file("dir/sub/two")
        $0.file("other/three")
        $0.link("link", to: "dir")
    }

    @Test func `a whiteout removes what is below, also a whole folder, and only a link itself`() throws {
        let root = try unpack(
            Self.lower,
            Tar.make {
                $0.file(".wh.gone")
                $0.file("dir/.wh.sub")
                $0.file(".wh.link")
                $0.file("nowhere/.wh.x")
                $0.file(".wh.absent")
            })
        #expect(tree(root) == ["dir/", "dir/one", "keep", "other/", "other/three"])
    }

    @Test(arguments: [true, false])
    func `an opaque folder hides what is below and keeps its own layer's files`(first: Bool) throws {
        let root = try unpack(
            Self.lower,
            Tar.make {
                if first { $0.file("dir/.wh..wh..opq") }
                $0.file("dir/new")
                $0.file("dir/sub/new")
                if !first { $0.file("dir/.wh..wh..opq") }
            })
        #expect(tree(root + "/dir") == ["new", "sub/", "sub/new"])
    }

    @Test func `a whiteout spares what its own layer brought`() throws {
        let root = try unpack(
            Self.lower,
            Tar.make {
                $0.file("gone", "new")
                $0.file(".wh.gone")
                $0.file("dir/sub/mine")
                $0.file(".wh.dir")
            })
        #expect(text(root + "/gone") == "new")
        #expect(tree(root + "/dir") == ["sub/", "sub/mine"])
    }

    @Test func `upper layers replace files by folders, folders by files and links by either`() throws {
        let root = try unpack(
            Self.lower,
            Tar.make {
                $0.folder("keep")
                $0.file("keep/inner")
                $0.file("dir", "now a file")
                $0.folder("link")
                $0.link("other", to: "keep")
            })
        #expect(tree(root) == ["dir", "gone", "keep/", "keep/inner", "link/", "other"])
        #expect(text(root + "/dir") == "now a file")
        #expect(text(root + "/other/inner") == "text")
    }

    @Test func `replacing one name of a hard link leaves the other as it was`() throws {
        let root = try unpack(
            Tar.make {
                $0.file("a", "old")
                $0.hardLink("b", to: "a")
                $0.hardLink("a", to: "a")
            }, Tar.make { $0.file("b", "new") })
        #expect(text(root + "/a") == "old")
        #expect(text(root + "/b") == "new")
    }

    @Test func `a folder on a folder keeps what is in it and takes the new mode`() throws {
        let root = try unpack(Self.lower, Tar.make { $0.folder("dir", mode: 0o500) })
        #expect(tree(root + "/dir") == ["one", "sub/", "sub/two"])
        #expect(try status(root + "/dir").st_mode & 0o777 == (geteuid() == 0 ? 0o500 : 0o700))
    }

    @Test func `a relative link inside the root may be written through, as Debian's lib is`() throws {
        let root = try unpack(
            Tar.make {
                $0.folder("usr/lib")
                $0.link("lib", to: "usr/lib")
            }, Tar.make { $0.file("lib/new") })
        #expect(text(root + "/usr/lib/new") == "text")
    }

    @Test func `absolute links and links to nothing are kept as they are`() throws {
        let root = try unpack(
            Tar.make {
                $0.link("var/run", to: "/run")
                $0.link("up", to: "./a/../b")
            })
        #expect(tree(root) == ["up", "var/", "var/run"])
    }

    @Test func `a hole at the end of a sparse file is kept`() throws {
        let root = try unpack(
            Tar.make {
                $0.extended([
                    ("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.name", "holes"),
                    ("GNU.sparse.realsize", "100000"),
                ])
                let map = Array("1\n0\n4\n".utf8)
                $0.add("x", .file, content: map + [UInt8](repeating: 0, count: 512 - map.count) + Array("data".utf8))
            })
        #expect(try status(root + "/holes").st_size == 100_000)
        #expect(try status(root + "/holes").st_blocks < 100)
    }

    struct Escape: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let code: OCIError.Code
        let fill: @Sendable (inout Tar, String) -> Void

        init(
            _ name: String, _ code: OCIError.Code = .unsafePath, _ fill: @escaping @Sendable (inout Tar, String) -> Void
        ) {
            testDescription = name
            self.code = code
            self.fill = fill
        }
    }

    static let escapes = [
        Escape("an absolute name") { tar, outside in tar.file("\(outside)/x") },
        Escape("a name with ..") { tar, _ in tar.file("../../outside/x") },
        Escape("a name with .. inside") { tar, _ in tar.file("a/../../../outside/x") },
        Escape("a folder named ..") { tar, _ in tar.folder("../../outside/x") },
        Escape("a write through an absolute link") { tar, outside in
            tar.link("way", to: outside)
            tar.file("way/x")
        },
        Escape("a write through a climbing link") { tar, _ in
            tar.link("way", to: "../../outside")
            tar.file("way/x")
        },
        Escape("a write through a link to a link") { tar, outside in
            tar.link("one", to: outside)
            tar.link("two", to: "one")
            tar.file("two/x")
        },
        Escape("a write through a link to the machine's root") { tar, outside in
            tar.link("way", to: "/")
            tar.file("way\(outside)/x")
        },
        Escape("a folder made through a link") { tar, outside in
            tar.link("way", to: outside)
            tar.folder("way/x")
        },
        Escape("a link made through a link") { tar, outside in
            tar.link("way", to: outside)
            tar.link("way/x", to: "y")
        },
        Escape("a whiteout through a link") { tar, outside in
            tar.link("way", to: outside)
            tar.file("way/.wh.victim")
        },
        Escape("an opaque whiteout through a link") { tar, outside in
            tar.link("way", to: outside)
            tar.file("way/.wh..wh..opq")
        },
        Escape("a whiteout of the folder above") { tar, _ in tar.file("a/.wh...") },
        Escape("a whiteout of the folder itself") { tar, _ in
            tar.file("a/.wh.."); tar.file(".wh..")
        },
        Escape("a name below a whiteout") { tar, _ in tar.file(".wh.x/y") },
        Escape("a hard link to an absolute name") { tar, outside in tar.hardLink("x", to: "\(outside)/victim") },
        Escape("a hard link with ..") { tar, _ in tar.hardLink("x", to: "../../outside/victim") },
        Escape("a hard link through a link") { tar, outside in
            tar.link("way", to: outside)
            tar.hardLink("x", to: "way/victim")
        },
        Escape("a link in the place of a folder, then a write") { tar, outside in
            tar.file("dir/inner")
            tar.link("dir", to: outside)
            tar.file("dir/x")
        },
        Escape("a file in the place of the root") { tar, _ in tar.file(".") },
        Escape("a link in the place of the root") { tar, outside in tar.link("./", to: outside) },
        Escape("a loop of links", .unsafePath) { tar, _ in
            tar.link("a", to: "b")
            tar.link("b", to: "a")
            tar.file("a/x")
        },
        Escape("a link to nowhere as a folder") { tar, _ in
            tar.link("a", to: "missing")
            tar.file("a/x")
        },
        Escape("a character device", .unsupported) { tar, _ in tar.add("dev/null", .characterDevice) },
        Escape("a block device", .unsupported) { tar, _ in tar.add("dev/disk", .blockDevice) },
        Escape("a file as a folder", .malformed) { tar, _ in
            tar.file("a")
            tar.file("a/b")
        },
        Escape("a hard link to what is not there", .malformed) { tar, _ in tar.hardLink("a", to: "b") },
        Escape("no tar file", .damagedArchive) { tar, _ in
            tar.file("a")
            tar = Tar()
            tar.add("x", .file, content: [1])
            tar.damage()
        },
    ]

    @Test(arguments: escapes)
    func `every way out of the root folder is refused`(escape: Escape) throws {
        let outside = scratch / "outside"
        try FileSystem.makeFolder(outside)
        try FileSystem.replace(outside + "/victim", with: Array("untouched".utf8))
        let links = try status(outside + "/victim").st_nlink
        let tar = Tar.make { escape.fill(&$0, outside) }
        #expect { try unpack(tar) } throws: { ($0 as? OCIError)?.code == escape.code }
        #expect(tree(outside) == ["victim"])
        #expect(text(outside + "/victim") == "untouched")
        #expect(try status(outside + "/victim").st_nlink == links)
        #expect(tree(scratch / "store/rootfs").isEmpty)
    }

    @Test func `a link over a file that a link pointed to is replaced, not followed`() throws {
        let outside = scratch / "outside"
        try FileSystem.makeFolder(outside)
        try FileSystem.replace(outside + "/victim", with: Array("untouched".utf8))
        let root = try unpack(
            Tar.make {
                $0.link("x", to: "\(outside)/victim")
                $0.file("x", "inside")
                $0.link("y", to: "\(outside)/victim")
                $0.hardLink("z", to: "y")
                $0.file("z", "inside")
            })
        #expect(text(outside + "/victim") == "untouched")
        #expect(text(root + "/x") == "inside")
        #expect(text(root + "/z") == "inside")
        #expect(try status(outside + "/victim").st_nlink == 1)
    }

    @Test func `a truncated layer fails`() throws {
        let whole = Tar.make { $0.file("a", String(repeating: "x", count: 10_000)) }
        #expect { try unpack(Array(whole.prefix(3000))) } throws: { ($0 as? OCIError)?.code == .damagedArchive }
        #expect(tree(scratch / "store/rootfs").isEmpty)
    }

    @Test func `an empty layer is an empty layer`() throws {
        #expect(tree(try unpack(Tar.make { _ in })).isEmpty)
    }

    @Test func `a layer packed in an unknown way is refused`() throws {
        let test = try TestImage(in: scratch, [Tar.make { $0.file("a") }])
        let layer = test.image.manifest.layers[0]
        let strange = Descriptor(mediaType: "application/x-cpio", digest: layer.digest, size: layer.size)
        let reference = try ImageReference(parsing: "strange:1")
        try test.registry.addImage(layers: [strange], configuration: test.image.configuration, as: reference)
        let image = try test.registry.resolve(reference)
        #expect { try ImageStore(at: scratch / "store").pull(image, from: test.registry) } throws: {
            ($0 as? OCIError)?.code == .unsupported
        }
    }
}
