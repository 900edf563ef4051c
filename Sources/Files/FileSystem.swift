internal import Glibc

/// Files and folders by their paths, for what an operator names and for what this program keeps for itself: links on the
/// way are followed. Where others may write, `Folder` is the way. All of it blocks.
package enum FileSystem {
    /// Whether anything is there, a link that leads nowhere included.
    /// - Parameter followingLink: whether what a link leads to must be there.
    package static func exists(_ path: String, followingLink: Bool = false) -> Bool {
        var status = stat()
        return (followingLink ? stat(path, &status) : lstat(path, &status)) == 0
    }

    /// The size of a regular file; nil where there is none.
    package static func size(_ path: String) -> Int64? {
        var status = stat()
        return stat(path, &status) == 0 && status.isFile ? Int64(status.st_size) : nil
    }

    /// What is in a folder, without `.` and `..`, in no order; nothing where there is none.
    package static func names(in path: String) -> [String] {
        ((try? Folder.find(path)?.names()) ?? []).map(\.description)
    }

    /// Where a symbolic link points to; nil where there is none.
    package static func linkTarget(_ path: String) -> String? {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(path, &buffer, buffer.count)
        return count < 0 ? nil : String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The whole of a file; more than `limit` bytes are an error.
    package static func contents(_ path: String, limit: Int = .max) throws(FileError) -> [UInt8] {
        try OpenFile(reading: path).contents(limit: limit)
    }

    /// Makes a folder and those above it where there are none, all with this mode.
    package static func makeFolder(_ path: String, mode: UInt32 = 0o755) throws(FileError) {
        if mkdir(path, mode) == 0 || errno == EEXIST { return }
        if errno == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex {
            try makeFolder(String(path[..<slash]), mode: mode)
            if mkdir(path, mode) == 0 || errno == EEXIST { return }
        }
        throw FileError("cannot make the folder \(path)")
    }

    /// Writes a small file durably, so that it is either the old or the new one whatever happens meanwhile.
    package static func replace(_ path: String, with bytes: [UInt8], mode: UInt32 = 0o644) throws(FileError) {
        let path = try EntryPath(path)
        try Folder(path.folder).replace(path.name, with: bytes, mode: mode)
    }

    /// Renames, and returns when the renaming itself is on the disk.
    package static func rename(_ path: String, to target: String) throws(FileError) {
        guard Glibc.rename(path, target) == 0 else { throw FileError("cannot rename \(path) to \(target)") }
        try Folder(try EntryPath(target).folder).sync()
    }

    /// Removes a file, a link or a folder with all that is in it; nothing there is no error. No link is followed, neither
    /// at the path's end nor below.
    package static func remove(_ path: String) throws(FileError) {
        let path = try EntryPath(path)
        try Folder.find(path.folder)?.remove(path.name)
    }
}
