import Testing

@testable import OCI

@Suite struct ImageReferenceTests {
    static let hex = String(repeating: "0123456789abcdef", count: 4)

    @Test(
        arguments: [
            ("srcnet/notebook:1", nil, "srcnet/notebook", "1"),
            ("notebook", nil, "notebook", nil),
            ("localhost/notebook", "localhost", "notebook", nil),
            ("images.example.org/srcnet/notebook:v1.2-3_x", "images.example.org", "srcnet/notebook", "v1.2-3_x"),
            ("127.0.0.1:5000/a/b/c", "127.0.0.1:5000", "a/b/c", nil),
            ("[::1]:5000/a:1", "[::1]:5000", "a", "1"),
            ("registry:5000/a", "registry:5000", "a", nil),
            ("a__b/c---d/e.f_g", nil, "a__b/c---d/e.f_g", nil),
        ] as [(String, String?, String, String?)])
    func `a reference is taken apart and put together again`(
        text: String, host: String?, name: String, tag: String?
    ) throws {
        let reference = try ImageReference(parsing: text)
        #expect(reference.host == host)
        #expect(reference.name == name)
        #expect(reference.tag == tag)
        #expect(reference.digest == nil)
        #expect(reference.description == text)
    }

    @Test func `a digest stands beside the tag`() throws {
        let reference = try ImageReference(parsing: "srcnet/notebook:1@sha256:\(Self.hex)")
        #expect(reference.tag == "1")
        #expect(reference.digest?.hex == Self.hex)
        #expect(reference.description == "srcnet/notebook:1@sha256:\(Self.hex)")
    }

    @Test func `without a tag the tag is latest`() throws {
        #expect(try ImageReference(parsing: "srcnet/notebook").nameAndTag == "srcnet/notebook:latest")
    }

    @Test(arguments: [
        "", "/", "a/", "/a", "a//b", "A", "a/B", "a:", "a:-x", "a:x y", "a@", "a@sha256:12", "a@md5:00", "a..b", "a-",
        "-a",
        "a___b", "a._b", "host:0/a", "host:99999/a", "host:/a", "ex_ample.org/a", "-x.org/a", "a b", "a\n", "../a",
        "a/../b",
        "a:1:2", "[::1/a", "é", "a:é", "https://example.org/a", "a@sha256:" + String(repeating: "A", count: 64),
        "a:" + String(repeating: "x", count: 129), String(repeating: "x", count: 256),
        String(repeating: "x", count: 5000),
    ])
    func `what is no reference is refused`(text: String) {
        #expect(throws: OCIError.self) { try ImageReference(parsing: text) }
    }

    @Test(arguments: [
        "", "sha256", "sha256:", "sha512:\(hex)", "SHA256:\(hex)", "sha256:\(hex)0", "sha256:../\(hex.dropLast(3))",
    ])
    func `what is no digest is refused`(text: String) {
        #expect { try Digest(parsing: text) } throws: { ($0 as? OCIError)?.code == .invalidDigest }
    }

    @Test(arguments: [
        ("linux/amd64", "linux/amd64", true), ("linux/amd64", "linux/arm64", false),
        ("linux/amd64", "windows/amd64", false),
        ("linux/arm64/v8", "linux/arm64", true), ("linux/arm64", "linux/arm64/v8", true),
        ("linux/arm/v7", "linux/arm/v6", true), ("linux/arm/v6", "linux/arm/v7", false),
        ("linux/arm/v7", "linux/arm", true),
    ])
    func `a machine runs what is for it or for an older variant`(machine: String, image: String, runs: Bool) throws {
        #expect(try #require(Platform(machine)).runs(try #require(Platform(image))) == runs)
    }

    @Test(arguments: ["", "linux", "linux/", "/amd64", "linux/arm/v7/x", "linux//v7"])
    func `what is no platform is refused`(text: String) { #expect(Platform(text) == nil) }
}
