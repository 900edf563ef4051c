package import ExecutionModel
internal import Files
internal import Processes

// What set-up does: put data into storages, and name it in the catalogue.
extension CatalogueFile {
    /// Copies a file into a storage, durably, and then names it in the catalogue with its size and checksum.
    ///
    /// A file that is known already with the same bytes gets one more replica; with other bytes that is an error. May be
    /// repeated. The replica can only be read, since it may be linked into the areas of sessions.
    @discardableResult
    package func register(file: String, as did: DataIdentifier, in storage: StorageFolder) async throws
        -> Catalogue.File
    {
        try await BlockingWork.run { [self] _ in try registerNow(file, did, storage) }
    }

    /// Names a dataset or container of what is known already.
    package func register(_ collection: DataIdentifier, contents: [DataIdentifier]) async throws {
        try await BlockingWork.run { [self] _ in try registerNow(collection, contents) }
    }

    private func registerNow(
        _ file: String, _ did: DataIdentifier, _ storage: StorageFolder
    ) throws -> Catalogue.File {
        let key = Catalogue.Key(did)
        guard let replica = ReplicaPath(key)?.path else { throw CatalogueError("\(did) cannot be the path of a file") }
        let root = try Folder(making: storage.path)
        let part = Folder.uniqueName("part")
        defer { _ = try? root.removeFile(part) }
        var registered = try CatalogueFile.copy(file, to: root, as: part, key, storage.name)
        try update { catalogue in
            if let entry = catalogue.entries[key] {
                guard case .file(let old) = entry, old.bytes == registered.bytes, old.adler32 == registered.adler32
                else {
                    throw CatalogueError("\(did) is registered already with other bytes: give this file another name")
                }
                registered.rses = old.rses.contains(storage.name) ? old.rses : old.rses + [storage.name]
            }
            // Put in place under the lock: whoever reads the catalogue finds the replica.
            try CatalogueFile.place(part, in: root, at: replica)
            catalogue.entries[key] = .file(registered)
        }
        return registered
    }

    private func registerNow(_ collection: DataIdentifier, _ contents: [DataIdentifier]) throws {
        let key = Catalogue.Key(collection)
        guard ReplicaPath(key) != nil, collection.type != .file else {
            throw CatalogueError("\(collection) cannot be a dataset or container")
        }
        try update { catalogue in
            let keys = contents.map(Catalogue.Key.init)
            if let unknown = keys.first(where: { catalogue.entries[$0] == nil }) {
                throw CatalogueError("the catalogue does not know \(unknown): register it first")
            }
            if case .file = catalogue.entries[key] { throw CatalogueError("\(collection) is a file already") }
            catalogue.entries[key] = .collection(Catalogue.Collection(did: collection, contents: keys))
        }
    }

    private static func copy(
        _ file: String, to root: borrowing Folder, as part: FileName, _ key: Catalogue.Key, _ rse: String
    ) throws -> Catalogue.File {
        let source = try OpenFile(reading: file)
        let copy = try root.create(part)
        var bytes: Int64 = 0
        var adler32 = Adler32()
        try source.forEachChunk { chunk in
            adler32.update(chunk)
            bytes += Int64(chunk.count)
            try copy.write(chunk)
        }
        try copy.set(mode: 0o444)
        try copy.sync()
        let did = DataIdentifier(scope: key.scope, name: key.name, type: .file)
        return Catalogue.File(did: did, bytes: bytes, adler32: adler32, rses: [rse])
    }

    private static func place(_ part: FileName, in root: borrowing Folder, at path: RelativePath) throws {
        guard let parent = path.parent else { return }
        let folder = try root.folder(making: parent)
        try root.move(part, to: folder, as: path.last)
        try folder.sync()
    }
}
