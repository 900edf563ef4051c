import Files
import Glibc
import TestSupport
import Testing

@testable import OCI

/// A folder of a test's own, gone when the test ends.
final class Scratch: Sendable {
    let path: String

    init() async throws { path = try await TemporaryFolder.make() }

    deinit { try? FileSystem.remove(path) }

    static func / (scratch: Scratch, name: String) -> String { "\(scratch.path)/\(name)" }
}

/// A registry with one image, made of the given tar files.
struct TestImage {
    let registry: OCILayout
    let image: ResolvedImage

    init(
        in scratch: Scratch, _ tars: [[UInt8]], compression: Compression = .none, name: String = "srcnet/test:1",
        diffIDs: [Digest]? = nil
    ) throws {
        let registry = try OCILayout(creating: scratch / "registry")
        let layers = try tars.map { try registry.write(compression.pack($0), mediaType: compression.mediaType) }
        let configuration = ImageConfiguration(
            platform: .current, entrypoint: ["/bin/start"], command: ["now"], environment: ["PATH=/bin", "A=b=c"],
            workingDirectory: "/session", user: "1000", diffIDs: diffIDs ?? tars.map { Digest(of: $0) })
        let reference = try ImageReference(parsing: name)
        try registry.addImage(layers: layers, configuration: configuration, as: reference)
        self.registry = registry
        image = try registry.resolve(reference)
    }
}

func text(_ path: String) -> String? {
    (try? FileSystem.contents(path, limit: 1 << 20)).map { String(decoding: $0, as: UTF8.self) }
}

func status(_ path: String) throws -> stat {
    var status = stat()
    try #require(lstat(path, &status) == 0, "no \(path)")
    return status
}

/// Changes one bit of a file where it lies.
func alterOneByte(of path: String, at offset: Int) throws {
    let file = try OpenFile(open(path, O_RDWR), path, path)
    var byte: UInt8 = 0
    try #require(pread(file.descriptor, &byte, 1, offset) == 1)
    byte ^= 1
    try #require(pwrite(file.descriptor, &byte, 1, offset) == 1)
}

/// Every name below a folder, with slashes after folders, sorted.
func tree(_ path: String) -> [String] {
    FileSystem.names(in: path).sorted().flatMap { name -> [String] in
        let inner = "\(path)/\(name)"
        var status = stat()
        guard lstat(inner, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { return [name] }
        return ["\(name)/"] + tree(inner).map { "\(name)/\($0)" }
    }
}
