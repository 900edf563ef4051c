internal import Glibc

extension Folder {
    /// How deep a tree is descended before its rest is moved up: each level holds a descriptor open, and who wrote the
    /// tree may have made it as deep as they liked.
    private static let deepest = 64

    /// Removes an entry, a folder with everything in it; links are removed, never followed. What is not there is no error.
    package func remove(_ name: FileName) throws(FileError) {
        var waiting = [name]
        while let next = waiting.popLast() {
            try remove(next, from: self, depth: 0, waiting: &waiting)
        }
    }

    private func remove(
        _ name: FileName, from folder: borrowing Folder, depth: Int, waiting: inout [FileName]
    ) throws(FileError) {
        if folder.unlink(name) || errno == ENOENT { return }
        guard errno == EISDIR || errno == EPERM else { throw FileError("cannot remove \(folder.name(of: name))") }
        if depth == Folder.deepest {
            let aside = Folder.uniqueName("removing")
            try folder.move(name, to: self, as: aside)
            waiting.append(aside)
            return
        }
        try folder.emptyFolder(name) { (inner, entry) throws(FileError) in
            try remove(entry, from: inner, depth: depth + 1, waiting: &waiting)
        }
        guard folder.removeFolder(name) || errno == ENOENT else {
            throw FileError("cannot remove \(folder.name(of: name))")
        }
    }

    private func emptyFolder(
        _ name: FileName, _ body: (borrowing Folder, FileName) throws(FileError) -> Void
    ) throws(FileError) {
        guard let inner = try folderToEmpty(name) else { return }
        for entry in try inner.names() { try body(inner, entry) }
    }

    private func folderToEmpty(_ name: FileName) throws(FileError) -> Folder? {
        do throws(FileError) {
            return try folder(name)
        } catch {
            if error.code == .notFound { return nil }
            guard error.systemCode == EACCES else { throw error }
        }
        // Its owner has taken the right to read it from itself.
        _ = name.withCString { fchmodat(file.descriptor, $0, 0o700, 0) }
        return try folder(name)
    }

    /// Removes a file or link; false, with errno, where that fails.
    private func unlink(_ name: FileName) -> Bool {
        name.withCString { unlinkat(file.descriptor, $0, 0) } == 0
    }

    private func removeFolder(_ name: FileName) -> Bool {
        name.withCString { unlinkat(file.descriptor, $0, AT_REMOVEDIR) } == 0
    }

    /// Removes a file or a link; false where there is none, or a folder.
    @discardableResult
    package func removeFile(_ name: FileName) throws(FileError) -> Bool {
        if unlink(name) { return true }
        if errno == ENOENT || errno == EISDIR { return false }
        throw FileError("cannot remove \(self.name(of: name))")
    }

    /// A hidden name that nobody else uses.
    package static func uniqueName(_ purpose: String) -> FileName {
        var generator = SystemRandomNumberGenerator()
        let number: UInt64 = generator.next()
        return FileName(checked: Array(".\(purpose)-\(String(number, radix: 36))".utf8))
    }
}
