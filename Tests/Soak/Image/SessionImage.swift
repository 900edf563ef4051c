internal import Glibc
internal import LocalNetwork
internal import OCI
internal import Processes
internal import TestSupport

/// The images of scenarios and soak: a session of a few kilobytes, one that cannot start, and one whose layer was altered.
package enum SessionImage {
    package static let good = "srcnet/notebook:1"
    package static let failing = "srcnet/failing:1"
    package static let altered = "srcnet/altered:1"

    /// Makes a registry with them.
    package static func make(in registry: String) async throws {
        let source =
            #filePath.split(separator: "/").dropLast().map { "/" + $0 }.joined() + "/session-server.c"
        try await withTemporaryFolder { folder in
            let root = folder + "/root"
            try PrivateFile.makeFolder(root + "/session")
            try PrivateFile.makeFolder(root + "/tmp")
            _ = chmod(root, 0o755)
            _ = chmod(root + "/session", 0o755)
            try await run(
                ProcessSettings("cc", ["-static", "-O1", "-o", root + "/server", source]), deadline: .seconds(60)
            ).checked()
            let layout = try OCILayout(creating: registry)
            for (name, command) in [(good, ["/server"]), (failing, ["/server", "fail"]), (altered, ["/server"])] {
                // Each image has a layer of its own, so that altering one leaves the others whole.
                try PrivateFile.write(Array(name.utf8), to: root + "/name", mode: 0o644)
                let layer = folder + "/layer.tar"
                try await run(
                    ProcessSettings("tar", ["-C", root, "--sort=name", "--mtime=@0", "-cf", layer, "."]),
                    deadline: .seconds(30)
                ).checked()
                try await add(name, layer: layer, command: command, to: layout)
            }
        }
    }

    private static func add(_ name: String, layer path: String, command: [String], to layout: OCILayout) async throws {
        try await BlockingWork.run { _ in
            let layer = try layout.write(contentsOf: path, mediaType: "application/vnd.oci.image.layer.v1.tar")
            let configuration = ImageConfiguration(platform: .current, entrypoint: command, diffIDs: [layer.digest])
            try layout.addImage(
                layers: [layer], configuration: configuration, as: try ImageReference(parsing: name))
            if name == altered {
                let file = open(layout.blobPath(layer.digest), O_RDWR)
                defer { close(file) }
                var byte: UInt8 = 0
                guard pread(file, &byte, 1, 600) == 1 else { throw SoakError("the layer cannot be read") }
                byte ^= 1
                guard pwrite(file, &byte, 1, 600) == 1 else { throw SoakError("the layer cannot be altered") }
            }
        }
    }
}
