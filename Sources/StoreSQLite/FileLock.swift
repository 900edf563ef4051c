internal import Glibc
internal import Store

/// The right to use a store's file, held as a lock on a file beside it until the end of this value or of the process.
///
/// SQLite's own locks would do between processes, but they cannot tell who holds them, and POSIX drops them when any part
/// of the process closes the same file. A lock on another file has neither fault.
struct FileLock: ~Copyable {
    private let descriptor: Int32

    init(for path: String) throws(StoreError) {
        let lockPath = path + ".lock"
        let descriptor = open(lockPath, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        if descriptor < 0 { throw StoreError(file: lockPath, systemError: errno) }
        if flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            let error = errno
            let owner = FileLock.owner(descriptor)
            close(descriptor)
            if error != EWOULDBLOCK { throw StoreError(file: lockPath, systemError: error) }
            let who = owner.map { "process \($0)" } ?? "another process"
            throw StoreError(.inUse, "\(path) is in use by \(who): stop that one first, or give this one another file")
        }
        ftruncate(descriptor, 0)
        let line = Array("\(getpid())\n".utf8)
        _ = pwrite(descriptor, line, line.count, 0)
        self.descriptor = descriptor
    }

    deinit {
        // Closing alone would leave the lock to a child that is just being started and still has the descriptor.
        flock(descriptor, LOCK_UN)
        close(descriptor)
    }

    /// The process that wrote its number into the file.
    private static func owner(_ descriptor: Int32) -> Int32? {
        var buffer = [UInt8](repeating: 0, count: 16)
        let count = pread(descriptor, &buffer, buffer.count, 0)
        guard count > 0 else { return nil }
        return Int32(String(decoding: buffer.prefix(count).prefix { $0 != 0x0A }, as: UTF8.self))
    }
}
