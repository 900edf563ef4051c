package import Glibc

/// An open file, closed exactly once, when it goes out of scope.
package struct OpenFile: ~Copyable {
    package let descriptor: Int32
    /// Its name in messages.
    package let name: String

    /// Takes over a descriptor that a system call gave; a negative one becomes an error that says what was tried.
    package init(_ descriptor: Int32, _ name: String, _ action: @autoclosure () -> String) throws(FileError) {
        guard descriptor >= 0 else { throw FileError(action()) }
        self.descriptor = descriptor
        self.name = name
    }

    /// Opens a file by the path that an operator gave; links are followed.
    package init(reading path: String) throws(FileError) {
        try self.init(open(path, O_RDONLY | O_CLOEXEC), path, "cannot read \(path)")
    }

    deinit { close(descriptor) }

    package func status() throws(FileError) -> stat {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw FileError("cannot look at \(name)") }
        return status
    }

    /// Fills the buffer as far as there are bytes; returns how many, 0 at the end.
    package func read(into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> Int {
        while true {
            let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            if count >= 0 { return count }
            guard errno == EINTR else { throw FileError("cannot read \(name)") }
        }
    }

    /// The rest of a small file; more than `limit` bytes are an error.
    package func contents(limit: Int) throws(FileError) -> [UInt8] {
        var contents: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = try buffer.withUnsafeMutableBufferPointer { (buffer) throws(FileError) in
                try read(into: UnsafeMutableRawBufferPointer(buffer))
            }
            if count == 0 { return contents }
            contents += buffer[..<count]
            guard contents.count <= limit else {
                throw FileError(.tooLarge, "\(name) has more than the \(limit) bytes that it may have")
            }
        }
    }

    /// Writes all of it; at `offset` where one is given, otherwise at the file's end or place.
    package func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64? = nil) throws(FileError) {
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
                throw FileError("cannot write \(name)")
            }
        }
    }

    /// Returns when the bytes are on the disk.
    package func sync() throws(FileError) {
        guard fsync(descriptor) == 0 else { throw FileError("cannot write \(name)") }
    }

    /// Sets the permissions.
    package func set(mode: mode_t) throws(FileError) {
        guard fchmod(descriptor, mode) == 0 else { throw FileError("cannot set the permissions of \(name)") }
    }

    /// Takes over the permissions and times of another file, and its owner where this process may do that.
    package func resemble(_ other: stat) throws(FileError) {
        if geteuid() == 0 { _ = fchown(descriptor, other.st_uid, other.st_gid) }
        try set(mode: other.st_mode & 0o777)
        guard futimens(descriptor, [other.st_atim, other.st_mtim]) == 0 else {
            throw FileError("cannot set the times of \(name)")
        }
    }

    /// Reads chunk by chunk, to the end or until it is enough.
    package func forEachChunk(
        of size: Int = 1 << 20, until isEnough: () -> Bool = { false },
        _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        try withUnsafeTemporaryAllocation(byteCount: size, alignment: 16) { buffer in
            while !isEnough() {
                let count = try read(into: buffer)
                if count == 0 { return }
                try body(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            }
        }
    }

    /// Takes the file's advisory lock for itself alone if nobody has it; false where somebody does.
    package func tryLock() -> Bool { flock(descriptor, LOCK_EX | LOCK_NB) == 0 }

    /// Gives the lock up before the file is closed.
    package func unlock() { _ = flock(descriptor, LOCK_UN) }

    /// Lets the system forget what it holds of the file in memory, so that reading it measures the disk.
    package func forgetCached() {
        _ = posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
    }
}
