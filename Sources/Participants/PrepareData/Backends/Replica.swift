internal import Files
internal import Glibc

/// One copy of a file, in one storage.
struct Replica: Sendable {
    let file: Catalogue.File
    let storage: StorageFolder
    let path: RelativePath

    init?(file: Catalogue.File, storage: StorageFolder) {
        guard let path = ReplicaPath(Catalogue.Key(file.did))?.path else { return nil }
        self.file = file
        self.storage = storage
        self.path = path
    }

    /// For messages. Where a site keeps its storage is not for everybody's eyes, and follows from the name.
    var name: String { "\(file.did) in \(storage.name)" }

    /// Whether it is there, with its size. A storage that cannot be reached has nothing.
    var isThere: Bool {
        guard let root = try? Folder(storage.path), let folder = try? folder(in: root),
            let status = try? folder.status(path.last)
        else { return false }
        return status.isFile && Int64(status.st_size) == file.bytes
    }

    /// The folder that holds it, inside the storage after every link is resolved; nil where there is none.
    func folder(in root: borrowing Folder) throws(FileError) -> Folder? {
        guard let parent = path.parent else { return nil }
        return try root.folder(at: parent, links: .beneath)
    }

    /// Opens it; nil where it is not there.
    func open(in root: borrowing Folder) throws(FileError) -> OpenFile? {
        guard let folder = try folder(in: root) else { return nil }
        return try folder.open(path.last)
    }
}
