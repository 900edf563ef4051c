internal import CLinux
package import Glibc

/// An open folder, and the only way to what lies in it: nothing outside it is ever reached, whatever links somebody puts
/// into it meanwhile.
package struct Folder: ~Copyable {
    package let file: OpenFile
    /// Its name in messages.
    package let path: String

    /// Opens a folder by the path that an operator gave; links are followed.
    package init(_ path: String) throws(FileError) {
        self.init(
            try OpenFile(Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), path, "cannot open the folder \(path)"))
    }

    /// A folder that is open already.
    package init(_ file: consuming OpenFile) {
        path = file.name
        self.file = file
    }

    /// Opens a folder by the path that an operator gave, making it and those above it where there are none.
    package init(making path: String, mode: mode_t = 0o755) throws(FileError) {
        try FileSystem.makeFolder(path, mode: mode)
        try self.init(path)
    }

    /// Opens a folder by path, making it where there is none; the folder that it is in is there. Its own name is not
    /// followed where it is a link: somebody else may write in the folder that it is in.
    package init(below path: String, mode: mode_t = 0o755) throws(FileError) {
        let path = try EntryPath(path)
        let parent = try Folder(path.folder)
        try parent.makeFolder(path.name, mode: mode)
        self = try parent.folder(path.name)
    }

    /// Opens a folder by the path that an operator gave; nil where there is none.
    package static func find(_ path: String) throws(FileError) -> Folder? {
        do throws(FileError) {
            return try Folder(path)
        } catch {
            guard error.code == .notFound else { throw error }
            return nil
        }
    }

    // MARK: Folders below

    /// Whether links on the way are followed.
    package enum Links: Sendable {
        /// A link anywhere on the way is an error: where others can write.
        case refused
        /// A link may lead to another place below the same folder: where an operator arranges files.
        case beneath
    }

    /// Opens a folder below; nil where there is none.
    package func folder(at path: RelativePath, links: Links = .refused) throws(FileError) -> Folder? {
        var resolve = UInt64(RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS)
        if links == .refused { resolve |= UInt64(RESOLVE_NO_SYMLINKS) }
        let name = self.path + "/" + path.description
        // EAGAIN: something was renamed meanwhile, and the kernel could not be sure (openat2(2) says to try again).
        for _ in 0..<32 {
            let descriptor = execbus_openat2(
                file.descriptor, path.description, UInt64(O_RDONLY | O_DIRECTORY | O_CLOEXEC), 0, resolve)
            if descriptor >= 0 { return Folder(try OpenFile(descriptor, name, "")) }
            switch errno {
            case EAGAIN, EINTR: continue
            case ENOENT: return nil
            default: throw FileError("cannot open the folder \(name)")
            }
        }
        throw FileError("cannot open the folder \(name)")
    }

    /// Opens a folder below, making it and those on the way where there are none.
    package func folder(making path: RelativePath, mode: mode_t = 0o755) throws(FileError) -> Folder {
        // Another participant may remove an empty folder at the very moment: then once more.
        for _ in 0..<32 {
            if let folder = try folder(at: path) { return folder }
            let made: Int32
            if let parent = path.parent {
                let folder = try self.folder(making: parent, mode: mode)
                made = mkdirat(folder.file.descriptor, path.last.description, mode)
            } else {
                made = mkdirat(file.descriptor, path.last.description, mode)
            }
            guard made == 0 || errno == EEXIST || errno == ENOENT else { break }
        }
        throw FileError("cannot make the folder \(self.path)/\(path)")
    }

    /// Opens the folder that is an entry of this one.
    package func folder(_ name: FileName) throws(FileError) -> Folder {
        let full = self.name(of: name)
        let descriptor = name.withCString {
            openat(file.descriptor, $0, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        }
        return Folder(try OpenFile(descriptor, full, "cannot open the folder \(full)"))
    }

    /// Makes a folder as an entry of this one; false where there is something already.
    @discardableResult
    package func makeFolder(_ name: FileName, mode: mode_t = 0o755) throws(FileError) -> Bool {
        if name.withCString({ mkdirat(file.descriptor, $0, mode) }) == 0 { return true }
        if errno == EEXIST { return false }
        throw FileError("cannot make the folder \(self.name(of: name))")
    }

    /// Takes over the permissions and times of another folder, and its owner where this process may do that.
    package func resemble(_ other: stat) throws(FileError) { try file.resemble(other) }

    // MARK: Entries

    /// What is known of an entry, a link itself rather than what it names; nil where there is none.
    package func status(_ name: FileName) throws(FileError) -> stat? {
        var status = stat()
        if name.withCString({ fstatat(file.descriptor, $0, &status, AT_SYMLINK_NOFOLLOW) }) == 0 { return status }
        if errno == ENOENT { return nil }
        throw FileError("cannot look at \(self.name(of: name))")
    }

    /// What is known of the folder itself.
    package func status() throws(FileError) -> stat { try file.status() }

    /// Opens a file that is an entry of this folder; a link is refused, and so is what is no file.
    package func open(_ name: FileName) throws(FileError) -> OpenFile {
        let full = self.name(of: name)
        // Not blocking, because opening a pipe would wait for its other end.
        let descriptor = name.withCString {
            openat(file.descriptor, $0, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        }
        let opened = try OpenFile(descriptor, full, "cannot read \(full)")
        guard try opened.status().st_mode & S_IFMT == S_IFREG else {
            throw FileError(.unsafePath, "\(full) is no regular file")
        }
        return opened
    }

    /// Makes a file that was not there.
    package func create(_ name: FileName, mode: mode_t = 0o644) throws(FileError) -> OpenFile {
        let full = self.name(of: name)
        let descriptor = name.withCString {
            openat(file.descriptor, $0, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)
        }
        return try OpenFile(descriptor, full, "cannot write \(full)")
    }

    /// Gives an entry a second name, in another folder of the same file system; never replaces anything.
    package func link(_ name: FileName, to target: borrowing Folder, as newName: FileName) throws(FileError) {
        let result = name.withCString { from in
            newName.withCString { to in linkat(file.descriptor, from, target.file.descriptor, to, 0) }
        }
        guard result == 0 else { throw FileError("cannot link \(target.name(of: newName))") }
    }

    /// As `link`; false where the file system has no second name for it.
    package func linkIfPossible(
        _ name: FileName, to target: borrowing Folder, as newName: FileName
    ) throws(FileError) -> Bool {
        do throws(FileError) {
            try link(name, to: target, as: newName)
            return true
        } catch {
            guard [EXDEV, EMLINK, EPERM, EOPNOTSUPP].contains(error.systemCode) else { throw error }
            return false
        }
    }

    /// Moves an entry. A file replaces a file, a folder an empty folder.
    package func move(_ name: FileName, to target: borrowing Folder, as newName: FileName) throws(FileError) {
        let result = name.withCString { from in
            newName.withCString { to in renameat(file.descriptor, from, target.file.descriptor, to) }
        }
        guard result == 0 else { throw FileError("cannot move \(self.name(of: name)) to \(target.name(of: newName))") }
    }

    /// The text of a symbolic link.
    package func linkText(_ name: FileName) throws(FileError) -> [UInt8] {
        let full = self.name(of: name)
        let text = withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(PATH_MAX)) { buffer -> [UInt8]? in
            guard let start = buffer.baseAddress else { return nil }
            let count = name.withCString { readlinkat(file.descriptor, $0, start, buffer.count) }
            return count < 0 ? nil : buffer[..<count].map(UInt8.init(bitPattern:))
        }
        guard let text else { throw FileError("cannot read the link \(full)") }
        return text
    }

    /// Makes a symbolic link with any text.
    package func makeLink(_ name: FileName, text: [UInt8]) throws(FileError) {
        let result = FileName(checked: text).withCString { text in
            name.withCString { symlinkat(text, file.descriptor, $0) }
        }
        guard result == 0 else { throw FileError("cannot make the link \(self.name(of: name))") }
    }

    /// The names of its entries, in no order.
    package func names() throws(FileError) -> [FileName] {
        // A descriptor of its own, because closedir closes it and reading moves its place.
        let copy = openat(file.descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        // Somebody else has removed it meanwhile.
        if copy < 0, errno == ENOENT { return [] }
        guard copy >= 0 else { throw FileError("cannot read the folder \(path)") }
        guard let stream = fdopendir(copy) else {
            close(copy)
            throw FileError("cannot read the folder \(path)")
        }
        defer { closedir(stream) }
        var names: [FileName] = []
        while let entry = readdir(stream) {
            let name = entry.nameBytes
            if name != [0x2E], name != [0x2E, 0x2E] { names.append(FileName(checked: name)) }
        }
        return names
    }

    /// Returns when its list of names is on the disk.
    package func sync() throws(FileError) { try file.sync() }

    func name(of name: FileName) -> String { "\(path)/\(name)" }
}

extension UnsafeMutablePointer<dirent> {
    /// The name's bytes. The array of the structure is only as long as the entry, so it is not copied as a whole.
    fileprivate var nameBytes: [UInt8] {
        let offset = MemoryLayout<dirent>.offset(of: \.d_name) ?? 0
        let start = UnsafeRawPointer(self).advanced(by: offset).assumingMemoryBound(to: UInt8.self)
        return Array(
            UnsafeBufferPointer(
                start: start, count: strlen(UnsafeRawPointer(start).assumingMemoryBound(to: CChar.self))))
    }
}

extension stat {
    /// Whether it is a folder.
    package var isFolder: Bool { st_mode & S_IFMT == S_IFDIR }
    /// Whether it is a regular file.
    package var isFile: Bool { st_mode & S_IFMT == S_IFREG }
}
