internal import Glibc
internal import Preparation
internal import Processes
internal import ExecutionModel
internal import Files

/// Copies a tree of folders: files with their permissions and times, links as the text that they are. No link is ever
/// followed; where one leads is for the session to see.
struct TreeCopy {
    /// How deep folders may lie in each other: each level holds two descriptors open.
    static let deepest = 100

    private(set) var copied = PulledFiles(files: 0, bytes: 0)
    let cancellation: BlockingWork.Cancellation
    let progress: ProgressReport
    /// Whether each file is on the disk before the next. A copy for a session need not be: a loss of power ends the
    /// session, and with it the copy.
    var isDurable = false

    // MARK: Counting

    /// The files and bytes of a tree; what vanishes meanwhile is not counted.
    static func count(
        _ name: FileName, in folder: borrowing Folder, depth: Int = 0, _ cancellation: BlockingWork.Cancellation
    ) throws -> PulledFiles {
        try cancellation.check()
        var sum = PulledFiles(files: 0, bytes: 0)
        guard let status = try folder.status(name) else { return sum }
        switch status.st_mode & S_IFMT {
        case S_IFDIR:
            let inner = try folder.folder(name)
            guard depth < deepest else { throw TreeCopy.tooDeep(inner) }
            for entry in try inner.names() {
                sum.add(try count(entry, in: inner, depth: depth + 1, cancellation))
            }
        case S_IFREG: sum = PulledFiles(files: 1, bytes: Int64(status.st_size))
        case S_IFLNK: sum.files = 1
        default: break
        }
        return sum
    }

    // MARK: Copying

    /// Copies an entry to a place that is free. What vanishes meanwhile is passed over.
    mutating func copy(
        _ name: FileName, in source: borrowing Folder, to target: borrowing Folder, as newName: FileName, depth: Int = 0
    ) throws {
        try cancellation.check()
        guard let status = try source.status(name) else { return }
        switch status.st_mode & S_IFMT {
        case S_IFDIR: try copyFolder(name, in: source, to: target, as: newName, depth: depth)
        case S_IFREG: try copyFile(name, in: source, to: target, as: newName)
        case S_IFLNK:
            try target.makeLink(newName, text: try source.linkText(name))
            copied.files += 1
        // Pipes, sockets and devices are nothing to copy.
        default: break
        }
    }

    /// Copies all entries of a folder into another.
    mutating func copyEntries(of source: borrowing Folder, to target: borrowing Folder, depth: Int = 0) throws {
        for entry in try source.names() {
            try copy(entry, in: source, to: target, as: entry, depth: depth)
        }
    }

    private mutating func copyFolder(
        _ name: FileName, in source: borrowing Folder, to target: borrowing Folder, as newName: FileName, depth: Int
    ) throws {
        let inner = try source.folder(name)
        guard depth < TreeCopy.deepest else { throw TreeCopy.tooDeep(inner) }
        try target.makeFolder(newName, mode: 0o700)
        let copy = try target.folder(newName)
        try copyEntries(of: inner, to: copy, depth: depth + 1)
        // At the end, since a folder that cannot be written could not be filled.
        try copy.resemble(try inner.status())
        if isDurable { try copy.sync() }
    }

    private mutating func copyFile(
        _ name: FileName, in source: borrowing Folder, to target: borrowing Folder, as newName: FileName
    ) throws {
        let file = try source.open(name)
        let copy = try target.create(newName, mode: 0o600)
        var bytes: Int64 = 0
        try file.forEachChunk { chunk in
            try cancellation.check()
            try copy.write(chunk)
            bytes += Int64(chunk.count)
            progress.within(bytes)
        }
        try copy.resemble(try file.status())
        if isDurable { try copy.sync() }
        copied.files += 1
        copied.bytes += bytes
        progress.finish(bytes)
    }

    private static func tooDeep(_ folder: borrowing Folder) -> TaskFailure {
        TaskFailure(.tooDeep, "\(folder.path) lies in more than \(deepest) folders")
    }
}
