internal import Glibc

/// Whole trees of folders, by descriptors, so that no symbolic link is ever followed.
enum FolderTree {
    /// The names in an open folder, without `.` and `..`.
    static func names(in folder: Int32) throws(OCIError) -> [String] {
        // A descriptor of its own, because closedir closes it and reading moves its place.
        let copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard copy >= 0, let stream = fdopendir(copy) else { throw .system("cannot read a folder") }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = entry.entryName
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    /// Removes a file, a link or a folder with everything in it. What is not there is no error.
    static func remove(_ name: String, in folder: Int32) throws(OCIError) {
        if unlinkat(folder, name, 0) == 0 || errno == ENOENT { return }
        guard errno == EISDIR || errno == EPERM else { throw .system("cannot remove \(name)") }
        let descriptor = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        if descriptor < 0, errno == ENOENT { return }
        let inner = try OpenFile(descriptor, "cannot remove \(name)")
        for entry in try names(in: inner.descriptor) { try remove(entry, in: inner.descriptor) }
        guard unlinkat(folder, name, AT_REMOVEDIR) == 0 || errno == ENOENT else {
            throw .system("cannot remove \(name)")
        }
    }

    /// Removes by path.
    static func remove(_ path: String) throws(OCIError) { try remove(path, in: AT_FDCWD) }
}
