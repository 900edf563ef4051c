import ExecutionModel
import FoundationEssentials
import PrepareData
import Synchronization

import Testing

/// Two storages, a catalogue and the area of a session, in a folder of their own.
struct PrepareDataWorld: Sendable {
    let folder: String
    let near: StorageFolder
    let far: StorageFolder
    let catalogue: CatalogueFile

    /// Where the data of the session goes; the folder that it is in is there.
    var data: String { folder + "/areas/session/data" }

    init(_ folder: String, farLimit: Int64? = nil) throws {
        self.folder = folder
        near = StorageFolder(name: "NEAR", path: folder + "/near", isLocal: true)
        far = StorageFolder(name: "FAR", path: folder + "/far", limit: farLimit)
        catalogue = try CatalogueFile(folder + "/catalogue.json")
        for path in [near.path, far.path, folder + "/areas/session", folder + "/state"] {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        }
    }

    func stager(_ localData: FolderStager.LocalData = .linked) -> FolderStager {
        FolderStager(catalogue: catalogue, storages: [near, far], state: folder + "/state", localData: localData)
    }

    /// Registers bytes under a name, and returns the identifier.
    @discardableResult
    func register(_ name: String, _ bytes: [UInt8], in storages: [StorageFolder]) async throws -> DataIdentifier {
        let did = DataIdentifier(scope: "lab", name: name)
        let file = folder + "/upload-\(UUID().uuidString)"
        try Data(bytes).write(to: URL(filePath: file))
        for storage in storages { try await catalogue.register(file: file, as: did, in: storage) }
        try FileManager.default.removeItem(atPath: file)
        return did
    }

    /// Where the replica of a file lies.
    func replica(_ did: DataIdentifier, in storage: StorageFolder) throws -> String {
        let path = try #require(ReplicaPath(Catalogue.Key(did)))
        return "\(storage.path)/\(path.path)"
    }

    /// Replaces the bytes of a replica behind the catalogue's back.
    func damage(_ did: DataIdentifier, in storage: StorageFolder, with bytes: [UInt8]) throws {
        let path = try replica(did, in: storage)
        try FileManager.default.removeItem(atPath: path)
        try Data(bytes).write(to: URL(filePath: path))
    }

    /// All that lies below a path, files with their sizes; nothing where there is nothing.
    func tree(_ path: String) -> [String] {
        ((try? FileManager.default.subpathsOfDirectory(atPath: path)) ?? []).sorted()
    }
}

/// Reports of progress, as they came.
final class ProgressLog: Sendable {
    private let log = Mutex<[TaskProgress]>([])

    var all: [TaskProgress] { log.withLock { $0 } }

    func callAsFunction(_ progress: TaskProgress) { log.withLock { $0.append(progress) } }
}

/// Bytes that are not the same from one block to the next.
func noise(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var words: [UInt64] = []
    var state = seed
    for _ in 0...count / 8 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        words.append(state)
    }
    return words.withUnsafeBytes { Array($0.prefix(count)) }
}

func contents(_ path: String) -> [UInt8]? { (try? Data(contentsOf: URL(filePath: path))).map(Array.init) }

/// The number by which a file system knows a file.
func inode(_ path: String) -> UInt64? {
    (try? FileManager.default.attributesOfItem(atPath: path))?[.systemFileNumber] as? UInt64
}

/// The failure of a task that an action ends with.
func failure(_ action: () async throws -> Void) async -> TaskFailure? {
    do {
        try await action()
        Issue.record("it did not fail")
        return nil
    } catch {
        if let failure = error as? TaskFailure { return failure }
        Issue.record("another error: \(error)")
        return nil
    }
}
