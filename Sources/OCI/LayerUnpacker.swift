internal import Files
internal import CLinux
internal import Glibc

/// How much an image may become when it is unpacked, against layers made to fill a disk.
package struct UnpackLimits: Sendable, Hashable {
    /// Bytes of all files together.
    package var bytes: Int64 = 64 << 30
    /// Entries of all layers together.
    package var entries = 5_000_000

    package init() {}
}

/// Puts the entries of one layer on top of the layers below it (OCI image specification, layer.md, Applying
/// Changesets).
struct LayerUnpacker: ~Copyable {
    /// An entry of this layer: the folder's inode, and the name in it. Paths would not do, since one folder can have
    /// several through symbolic links.
    private struct Place: Hashable {
        let folder: ino_t
        let name: String
    }

    private let root: RootFolder
    /// Only root may give files to others; without that right, everything belongs to who unpacks.
    private let keepsOwners: Bool
    private var budget: UnpackLimits
    /// What this layer brought, which its own whiteouts leave alone.
    private var written: Set<Place> = []
    /// Folders get their mode and time at the end, because putting things into them needs the one and changes the other.
    private var folders: [(parts: [String], mode: mode_t, modified: timespec)] = []
    private var parent: CachedParent?

    /// The folder of the entry before, which is mostly that of the next one too.
    private final class CachedParent {
        let parts: [String]
        let folder: Folder
        let inode: ino_t

        init(parts: [String], folder: consuming Folder, inode: ino_t) {
            self.parts = parts
            self.folder = folder
            self.inode = inode
        }

        var descriptor: Int32 { folder.file.descriptor }
    }

    init(root: consuming RootFolder, limits: UnpackLimits) {
        self.root = root
        keepsOwners = geteuid() == 0
        budget = limits
    }

    /// Unpacks all entries and gives what is left of the limits.
    consuming func unpack(_ reader: TarReader) throws -> UnpackLimits {
        while let entry = try reader.next() {
            budget.entries -= 1
            guard budget.entries >= 0 else { throw OCIError(.tooLarge, "the image has too many files") }
            try unpack(entry, reader)
        }
        parent = nil
        for folder in folders.reversed() { try finishFolder(folder.parts, folder.mode, folder.modified) }
        return budget
    }

    private mutating func unpack(_ entry: TarEntry, _ reader: TarReader) throws {
        let parts = try RootFolder.parts(of: entry.name)
        guard let name = parts.last else {
            guard entry.kind == .folder else { throw OCIError(.unsafePath, "a layer replaces the root folder") }
            return try setUpFolder(parts, entry)
        }
        if name.hasPrefix(".wh.") { return try applyWhiteout(name, in: Array(parts.dropLast())) }
        let folder = try parent(of: parts)
        let place = Place(folder: folder.inode, name: name)
        switch entry.kind {
        case .folder: try makeFolder(name, parts, entry, in: folder)
        case .file(let size):
            let file = try makeNew(name, in: folder) { folder, name in
                openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
            }
            let open = try OpenFile(file, entry.name, "cannot write \(entry.name)")
            try fill(open, size, reader)
            try setMetadata(of: open, entry)
        case .symbolicLink(let target):
            try RootFolder.checkLink(at: parts, to: target)
            _ = try makeNew(name, in: folder) { folder, name in symlinkat(target, folder, name) }
            try setMetadata(ofUnopened: name, in: folder, entry)
        case .hardLink(let target): try link(name, to: target, in: folder)
        case .pipe:
            _ = try makeNew(name, in: folder) { folder, name in mkfifoat(folder, name, entry.mode & 0o777) }
            try setMetadata(ofUnopened: name, in: folder, entry)
        }
        written.insert(place)
    }

    private mutating func parent(of parts: [String]) throws -> CachedParent {
        let folderParts = Array(parts.dropLast())
        if let parent, parent.parts == folderParts { return parent }
        let folder = try root.folder(folderParts, making: true)
        let inode = try folder.status().st_ino
        let fresh = CachedParent(parts: folderParts, folder: folder, inode: inode)
        parent = fresh
        return fresh
    }

    /// Makes something new; what has its name is removed first, never written into or followed.
    private mutating func makeNew(
        _ name: String, in folder: CachedParent, _ make: (Int32, String) -> Int32
    ) throws -> Int32 {
        let result = make(folder.descriptor, name)
        if result >= 0 { return result }
        guard errno == EEXIST else {
            throw FileError("cannot make \((folder.parts + [name]).joined(separator: "/"))")
        }
        try folder.folder.remove(FileName(checked: Array(name.utf8)))
        // What is cached may have been inside what is gone.
        parent = nil
        let second = make(folder.descriptor, name)
        guard second >= 0 else {
            throw FileError("cannot make \((folder.parts + [name]).joined(separator: "/"))")
        }
        return second
    }

    private mutating func makeFolder(_ name: String, _ parts: [String], _ entry: TarEntry, in folder: CachedParent)
        throws
    {
        if mkdirat(folder.descriptor, name, 0o700) != 0 {
            var status = stat()
            guard errno == EEXIST, fstatat(folder.descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
                throw FileError("cannot make the folder \(entry.name)")
            }
            // A folder on a folder keeps what is in it; on anything else, it takes its place.
            if status.st_mode & S_IFMT != S_IFDIR {
                _ = try makeNew(name, in: folder) { folder, name in mkdirat(folder, name, 0o700) }
            }
        }
        try setUpFolder(parts, entry)
    }

    private mutating func setUpFolder(_ parts: [String], _ entry: TarEntry) throws {
        guard let folder = try root.existingFolder(parts) else { throw OCIError(.notFound, "lost: \(entry.name)") }
        try setOwner(of: folder.file, entry)
        guard fchmod(folder.file.descriptor, (entry.mode & 0o777) | 0o700) == 0 else {
            throw FileError("cannot set the mode of \(entry.name)")
        }
        setAttributes(of: folder.file, entry)
        folders.append((parts, entry.mode, entry.modified))
    }

    private func finishFolder(_ parts: [String], _ mode: mode_t, _ modified: timespec) throws {
        // It may have been replaced by a later entry of the same layer.
        guard let folder = try? root.existingFolder(parts) else { return }
        // Without root's rights, a folder that its owner cannot write could never be removed again.
        guard fchmod(folder.file.descriptor, keepsOwners ? mode : mode | 0o700) == 0 else {
            throw FileError("cannot set the mode of \(parts.joined(separator: "/"))")
        }
        setTimes(of: folder.file, modified)
    }

    private mutating func fill(_ file: borrowing OpenFile, _ size: Int64, _ reader: TarReader) throws {
        budget.bytes -= max(size, 0)
        guard size >= 0, budget.bytes >= 0 else { throw OCIError(.tooLarge, "the image is too large when unpacked") }
        var end: Int64 = 0
        try reader.forEachBlock { block, offset in
            try file.write(block, at: offset)
            end = offset + Int64(block.count)
        }
        // A sparse file may end in a hole, which has no block.
        if end < size, ftruncate(file.descriptor, off_t(size)) != 0 { throw FileError("cannot write \(file.name)") }
    }

    private mutating func link(_ name: String, to target: String, in folder: CachedParent) throws {
        let parts = try RootFolder.parts(of: target)
        guard let targetName = parts.last else { throw OCIError(.unsafePath, "a layer has a hard link to the root") }
        guard let targetFolder = try root.existingFolder(Array(parts.dropLast())) else {
            throw OCIError(.malformed, "a layer has a hard link to what is not there: \(target)")
        }
        if targetName == name, try targetFolder.status().st_ino == folder.inode { return }
        var status = stat()
        guard fstatat(targetFolder.file.descriptor, targetName, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
            throw OCIError(.malformed, "a layer has a hard link to what is not there: \(target)")
        }
        let source = targetFolder.file.descriptor
        _ = try makeNew(name, in: folder) { folder, name in linkat(source, targetName, folder, name, 0) }
    }

    // MARK: Whiteouts

    private mutating func applyWhiteout(_ name: String, in parts: [String]) throws {
        let hidden = String(name.dropFirst(4))
        guard !["", ".", ".."].contains(hidden) else { throw OCIError(.unsafePath, "a layer has the whiteout \(name)") }
        guard let folder = try root.existingFolder(parts) else { return }
        parent = nil
        let inode = try folder.status().st_ino
        if name == ".wh..wh..opq" {
            for name in try folder.names().map(\.description) {
                try removeLower(name, in: folder.file.descriptor, Place(folder: inode, name: name))
            }
        } else if !hidden.hasPrefix(".wh.") {
            try removeLower(hidden, in: folder.file.descriptor, Place(folder: inode, name: hidden))
        }
        // Other names that begin with .wh..wh. are notes that aufs kept for itself; nothing of the image.
    }

    /// Removes what comes from the layers below and keeps what this layer brought, whichever came first in the file.
    private func removeLower(_ name: String, in folder: Int32, _ place: Place) throws {
        let mine = written.contains(place)
        let descriptor = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        if descriptor < 0 {
            if !mine, unlinkat(folder, name, 0) != 0, errno != ENOENT { throw FileError("cannot remove \(name)") }
            return
        }
        let inner = Folder(try OpenFile(descriptor, name, ""))
        let inode = try inner.status().st_ino
        for name in try inner.names().map(\.description) {
            try removeLower(name, in: inner.file.descriptor, Place(folder: inode, name: name))
        }
        if !mine, unlinkat(folder, name, AT_REMOVEDIR) != 0, errno != ENOTEMPTY, errno != EEXIST {
            throw FileError("cannot remove \(name)")
        }
    }

    // MARK: Owners, modes, times

    private func setMetadata(of file: borrowing OpenFile, _ entry: TarEntry) throws {
        try setOwner(of: file, entry)
        setAttributes(of: file, entry)
        // After the owner, since a change of owner takes the set-user bit away.
        guard fchmod(file.descriptor, entry.mode) == 0 else {
            throw FileError("cannot set the mode of \(entry.name)")
        }
        setTimes(of: file, entry.modified)
    }

    private func setMetadata(ofUnopened name: String, in folder: CachedParent, _ entry: TarEntry) throws {
        if keepsOwners, fchownat(folder.descriptor, name, entry.owner, entry.group, AT_SYMLINK_NOFOLLOW) != 0 {
            throw FileError("cannot give \(entry.name) to its owner")
        }
        var times = [entry.modified, entry.modified]
        utimensat(folder.descriptor, name, &times, AT_SYMLINK_NOFOLLOW)
    }

    private func setOwner(of file: borrowing OpenFile, _ entry: TarEntry) throws {
        if keepsOwners, fchown(file.descriptor, entry.owner, entry.group) != 0 {
            throw FileError("cannot give \(entry.name) to its owner")
        }
    }

    /// As far as the file system has them.
    private func setAttributes(of file: borrowing OpenFile, _ entry: TarEntry) {
        for attribute in entry.attributes {
            _ = execbus_fsetxattr(
                file.descriptor, attribute.name, attribute.value, UInt(attribute.value.count))
        }
    }

    private func setTimes(of file: borrowing OpenFile, _ modified: timespec) {
        var times = [modified, modified]
        futimens(file.descriptor, &times)
    }
}
