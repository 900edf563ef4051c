internal import ExecutionModel
internal import Files
internal import Preparation

/// Which files a command puts where, before anything is touched.
struct StagingPlan: Sendable {
    struct Item: Sendable {
        let file: Catalogue.File
        /// Below the folder of the data.
        let target: RelativePath
    }

    private(set) var items: [Item] = []
    private var files: Set<RelativePath> = []
    private var folders: Set<RelativePath> = []

    /// Bytes of all files.
    var bytes: Int64 { items.reduce(0) { $0 + $1.file.bytes } }

    /// The folders on the way to the files, the outermost first.
    var parents: [RelativePath] { folders.sorted() }

    init(_ items: [PrepareDataCommand.Item], _ catalogue: Catalogue) throws(TaskFailure) {
        for item in items {
            guard let target = RelativePath(item.path) else {
                throw TaskFailure(.unsafePath, "\"\(item.path)\" is no relative path without . and ..")
            }
            guard let entry = catalogue.entry(item.did) else {
                throw TaskFailure(.notFound, "the catalogue does not know \(item.did)")
            }
            guard let files = catalogue.files(of: entry) else {
                throw TaskFailure(.notFound, "the catalogue does not know all that \(item.did) contains")
            }
            if case .file(let file) = entry {
                try add(file, at: target)
                continue
            }
            for file in files {
                guard let name = RelativePath(file.did.name) else {
                    throw TaskFailure(.unsafePath, "\(file.did) cannot be the name of a file")
                }
                try add(file, at: target.appending(name))
            }
        }
    }

    /// No file lies where another lies, nor below it.
    private mutating func add(_ file: Catalogue.File, at target: RelativePath) throws(TaskFailure) {
        let ancestors = target.ancestors
        guard !files.contains(target), !folders.contains(target), !ancestors.contains(where: files.contains) else {
            throw TaskFailure(.pathTaken, "two of the files would lie at \(target): give them different places")
        }
        files.insert(target)
        folders.formUnion(ancestors)
        items.append(Item(file: file, target: target))
    }
}
