import Files
import Glibc
import Processes
import Testing
import Wire

@testable import OCI

@Suite struct OCILayoutTests {
    let scratch: Scratch
    init() async throws { scratch = try await Scratch() }

    @Test func `an image is found by its name and says how it wants to be run`() throws {
        let test = try TestImage(in: scratch, [Tar.make { $0.file("a") }])
        let configuration = test.image.configuration
        #expect(configuration.entrypoint == ["/bin/start"])
        #expect(configuration.command == ["now"])
        #expect(configuration.environment == ["PATH=/bin", "A=b=c"])
        #expect(configuration.workingDirectory == "/session")
        #expect(configuration.user == "1000")
        #expect(test.image.size == test.image.blobs.reduce(0) { $0 + $1.size })
        #expect(
            try test.registry.resolve(try ImageReference(parsing: "example.org/srcnet/test:1")).digest
                == test.image.digest)
        #expect(
            try test.registry.resolve(try ImageReference(parsing: "x/y:2@\(test.image.digest)")).digest
                == test.image.digest)
    }

    @Test(arguments: ["srcnet/test", "srcnet/test:2", "test:1", "1"])
    func `another name is not found`(name: String) throws {
        let test = try TestImage(in: scratch, [Tar.make { $0.file("a") }])
        #expect { try test.registry.resolve(try ImageReference(parsing: name)) } throws: {
            ($0 as? OCIError)?.code == .notFound
        }
    }

    @Test func `an image for another machine is said to be that`() throws {
        let test = try TestImage(in: scratch, [Tar.make { $0.file("a") }])
        #expect {
            try test.registry.resolve(test.image.reference, for: Platform(os: "linux", architecture: "s390x"))
        } throws: {
            ($0 as? OCIError)?.code == .noSuchPlatform
        }
    }

    @Test func `of an index the entry for this machine is taken, and no attestation`() throws {
        let test = try TestImage(in: scratch, [Tar.make { $0.file("a") }])
        let image = test.image.manifestDescriptor
        let elsewhere = Descriptor(
            mediaType: image.mediaType, digest: Digest(of: [1]), size: 1,
            platform: Platform(os: "linux", architecture: "s390x"))
        let attestation = Descriptor(
            mediaType: image.mediaType, digest: Digest(of: [2]), size: 1,
            platform: Platform(os: "unknown", architecture: "unknown"))
        let here = Descriptor(
            mediaType: image.mediaType, digest: image.digest, size: image.size, platform: .current)
        let index = try test.registry.write(
            ImageIndex(manifests: [elsewhere, attestation, here]).json.bytes, mediaType: MediaType.index)
        let reference = try ImageReference(parsing: "many:1")
        try test.registry.tag(index, as: reference, for: .current)
        #expect(try test.registry.resolve(reference).digest == image.digest)
        try test.registry.writeIndex(ImageIndex(manifests: [index]))
        #expect(try test.registry.resolve(try ImageReference(parsing: "x@\(image.digest)")).digest == image.digest)
    }

    @Test func `a name moves to a new image`() throws {
        let first = try TestImage(in: scratch, [Tar.make { $0.file("a", "1") }])
        let second = try TestImage(in: scratch, [Tar.make { $0.file("a", "2") }])
        #expect(first.image.digest != second.image.digest)
        #expect(try first.registry.resolve(first.image.reference).digest == second.image.digest)
        #expect(try first.registry.index().manifests.count == 1)
    }

    @Test(arguments: [
        "", "[]", "{}", #"{"schemaVersion":1,"manifests":[]}"#, #"{"schemaVersion":2,"manifests":[{}]}"#,
        #"{"schemaVersion":2,"manifests":[{"mediaType":"x","digest":"sha256:0","size":1}]}"#,
        #"{"schemaVersion":2,"manifests":[{"mediaType":"x","digest":"sha256:0","size":-1}]}"#, "{", "\u{0}",
    ])
    func `an index that says nothing sensible is an error and no crash`(text: String) throws {
        let layout = try OCILayout(creating: scratch / "layout")
        try FileSystem.replace(scratch / "layout/index.json", with: Array(text.utf8))
        #expect(throws: OCIError.self) { try layout.resolve(try ImageReference(parsing: "a")) }
    }

    @Test func `a folder that is no layout is said to be none`() throws {
        #expect { try OCILayout(opening: scratch.path) } throws: { ($0 as? OCIError)?.code == .notFound }
        try FileSystem.replace(scratch / "oci-layout", with: Array(#"{"imageLayoutVersion":"2.0.0"}"#.utf8))
        #expect { try OCILayout(opening: scratch.path) } throws: { ($0 as? OCIError)?.code == .malformed }
    }

    @Test func `an altered manifest is refused`() throws {
        let test = try TestImage(in: scratch, [Tar.make { $0.file("a") }])
        try alterOneByte(of: test.registry.blobPath(test.image.digest), at: 20)
        #expect { try test.registry.resolve(test.image.reference) } throws: {
            ($0 as? OCIError)?.code == .digestMismatch && ($0 as? OCIError)?.digest == test.image.digest
        }
    }

    @Test func `a configuration that does not fit the layers is refused`() throws {
        #expect { try TestImage(in: scratch, [Tar.make { $0.file("a") }], diffIDs: []) } throws: {
            ($0 as? OCIError)?.code == .malformed
        }
    }

    @Test func `a file becomes a blob under the digest it has`() throws {
        let layout = try OCILayout(creating: scratch / "layout")
        try FileSystem.replace(scratch / "file", with: Array("hello\n".utf8))
        let descriptor = try layout.write(contentsOf: scratch / "file", mediaType: "text/plain")
        #expect(descriptor.digest.hex == "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03")
        #expect(descriptor.size == 6)
        #expect(text(layout.blobPath(descriptor.digest)) == "hello\n")
        try layout.verify(descriptor)
        try alterOneByte(of: layout.blobPath(descriptor.digest), at: 0)
        #expect { try layout.verify(descriptor) } throws: { ($0 as? OCIError)?.code == .digestMismatch }
    }
}
