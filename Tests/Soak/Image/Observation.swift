internal import ExecutionModel
internal import FoundationEssentials
internal import Glibc
package import LocalNetwork
internal import PrepareData
internal import TestSupport
internal import Wire

/// The data of the scenarios: a small file at the first site alone, and one whose replica does not hold what the
/// catalogue says.
package enum Observation {
    package static let name = "cube"
    package static let damaged = "damaged"
    /// 3 MiB of bytes that no compression and no chunk size make trivial.
    package static let bytes: [UInt8] = (0..<3 << 20).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 13) }

    package static func register(in folder: NetworkFolder) async throws {
        try await withTemporaryFolder { temporary in
            guard let site = SiteName("ral") else { throw SoakError("ral is a site's name") }
            let storage = StorageFolder(
                name: NetworkFolder.storageElement(of: site), path: folder.storage(of: site), isLocal: true)
            let catalogue = try CatalogueFile(folder.catalogue)
            for name in [name, damaged] {
                let file = temporary + "/" + name
                try PrivateFile.write(bytes, to: file)
                try await catalogue.register(
                    file: file, as: DataIdentifier(scope: "demo", name: name), in: storage)
            }
            try damage(name: damaged, under: storage.path)
        }
    }

    /// Changes one byte of a replica, and nothing in the catalogue.
    private static func damage(name: String, under folder: String) throws {
        let paths = try FileManager.default.subpathsOfDirectory(atPath: folder)
        guard let path = paths.first(where: { $0.hasSuffix("/" + name) }) else {
            throw SoakError("the replica of \(name) is nowhere in \(folder)")
        }
        let file = open(folder + "/" + path, O_RDWR)
        defer { close(file) }
        let byte: [UInt8] = [bytes[1_000] ^ 1]
        guard pwrite(file, byte, 1, 1_000) == 1 else { throw SoakError("the replica cannot be altered") }
    }
}
