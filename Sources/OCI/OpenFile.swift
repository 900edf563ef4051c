internal import Glibc

/// An open file or folder; closed exactly once, when it goes out of scope.
struct OpenFile: ~Copyable {
    let descriptor: Int32

    /// Takes over a descriptor that a system call gave; a negative one is turned into an error that names the path.
    init(_ descriptor: Int32, _ action: @autoclosure () -> String) throws(OCIError) {
        guard descriptor >= 0 else { throw .system(action()) }
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    static func reading(_ path: String) throws(OCIError) -> OpenFile {
        try OpenFile(open(path, O_RDONLY | O_CLOEXEC), "cannot read \(path)")
    }

    static func folder(_ path: String) throws(OCIError) -> OpenFile {
        try OpenFile(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), "cannot open the folder \(path)")
    }

    func status(_ name: String) throws(OCIError) -> stat {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .system("cannot look at \(name)") }
        return status
    }

    /// Fills the buffer as far as there are bytes; the count, 0 at the end.
    func read(into buffer: UnsafeMutableRawBufferPointer, _ name: String) throws(OCIError) -> Int {
        while true {
            let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            if count >= 0 { return count }
            guard errno == EINTR else { throw .system("cannot read \(name)") }
        }
    }

    /// Writes all of it; at `offset` where one is given, otherwise at the file's end or place.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64? = nil, _ name: String) throws(OCIError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let part = UnsafeRawBufferPointer(rebasing: rest)
            let done = bytes.count - rest.count
            let count =
                offset.map { pwrite(descriptor, part.baseAddress, part.count, off_t($0) + off_t(done)) }
                ?? Glibc.write(descriptor, part.baseAddress, part.count)
            if count >= 0 {
                rest = rest.dropFirst(count)
            } else if errno != EINTR {
                throw .system("cannot write \(name)")
            }
        }
    }

    /// Takes the advisory lock if nobody holds it; false where somebody does.
    func tryLock(_ operation: Int32 = LOCK_EX) -> Bool {
        flock(descriptor, operation | LOCK_NB) == 0
    }

    /// Gives the lock up before the file is closed.
    func unlock() { _ = flock(descriptor, LOCK_UN) }
}

extension OCIError {
    /// What errno says of the last system call.
    static func system(_ what: String, code: Int32 = errno) -> OCIError {
        OCIError(.fileSystem, "\(what): \(String(cString: strerror(code)))", systemCode: code)
    }
}

/// Folders and whole files by path.
enum Files {
    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// The size of a regular file; nil where there is none.
    static func size(_ path: String) -> Int64? {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return Int64(status.st_size)
    }

    /// Makes a folder and those above it.
    static func makeFolder(_ path: String, mode: mode_t = 0o755) throws(OCIError) {
        if mkdir(path, mode) == 0 { return }
        switch errno {
        case EEXIST: return
        case ENOENT:
            guard let slash = path.lastIndex(of: "/"), slash > path.startIndex else { break }
            try makeFolder(String(path[..<slash]), mode: mode)
            if mkdir(path, mode) == 0 || errno == EEXIST { return }
        default: break
        }
        throw .system("cannot make the folder \(path)")
    }

    /// The whole of a small file; more than `limit` bytes is an error.
    static func contents(_ path: String, limit: Int) throws(OCIError) -> [UInt8] {
        let file = try OpenFile.reading(path)
        var contents: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            let count = try buffer.withUnsafeMutableBufferPointer { (bytes) throws(OCIError) -> Int in
                try file.read(into: UnsafeMutableRawBufferPointer(bytes), path)
            }
            if count == 0 { return contents }
            contents += buffer.prefix(count)
            guard contents.count <= limit else {
                throw OCIError(.tooLarge, "\(path) has more than the \(limit) bytes that such a document may have")
            }
        }
    }

    /// The names in a folder, without `.` and `..`; none where there is no such folder.
    static func names(in path: String) -> [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = entry.entryName
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    /// Writes a small file so that it is either the old or the new one, whatever happens meanwhile.
    static func replace(_ path: String, with bytes: [UInt8], mode: mode_t = 0o644) throws(OCIError) {
        let temporary = "\(path).new-\(uniqueName())"
        do throws(OCIError) {
            let file = try OpenFile(
                open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode), "cannot write \(path)")
            try bytes.withUnsafeBufferPointer { (bytes) throws(OCIError) in
                try file.write(UnsafeRawBufferPointer(bytes), path)
            }
            guard fsync(file.descriptor) == 0 else { throw OCIError.system("cannot write \(path)") }
            try rename(temporary, to: path)
        } catch {
            unlink(temporary)
            throw error
        }
    }

    /// Renames and makes the renaming itself durable.
    static func rename(_ path: String, to target: String) throws(OCIError) {
        guard Glibc.rename(path, target) == 0 else { throw .system("cannot rename \(path) to \(target)") }
        try syncFolder(of: target)
    }

    static func syncFolder(of path: String) throws(OCIError) {
        let parent = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let folder = try OpenFile.folder(parent)
        guard fsync(folder.descriptor) == 0 else { throw .system("cannot write the folder \(parent)") }
    }

    /// A name that nobody else uses, for temporary files.
    static func uniqueName() -> String {
        var generator = SystemRandomNumberGenerator()
        return String(generator.next() as UInt64, radix: 36)
    }
}

extension UnsafeMutablePointer<dirent> {
    /// The name as text. The array of the structure is only as long as the entry, so it is not copied as a whole.
    var entryName: String {
        let offset = MemoryLayout<dirent>.offset(of: \.d_name) ?? 0
        return String(cString: UnsafeRawPointer(self).advanced(by: offset).assumingMemoryBound(to: CChar.self))
    }
}

extension Files {
    /// Where a symbolic link points to; nil where there is none.
    static func linkTarget(_ path: String) -> String? {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(path, &buffer, buffer.count)
        return count < 0 ? nil : String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
