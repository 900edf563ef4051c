internal import Glibc

/// An advisory lock between threads and processes, by a file that stays. The system gives it up when its holder dies.
package enum FileLock {
    /// Waits for the lock and holds it while `body` runs, on a thread that may block.
    /// - Parameter shared: beside others who share it, but not beside one who has it alone.
    /// - Parameter check: throws where the waiting is to be given up; asked now and then.
    package static func with<Value: ~Copyable>(
        _ path: String, shared: Bool = false, check: (() throws -> Void)? = nil, _ body: () throws -> Value
    ) throws -> Value {
        let file = try open(path)
        let operation = (shared ? LOCK_SH : LOCK_EX) | (check == nil ? 0 : LOCK_NB)
        while flock(file.descriptor, operation) != 0 {
            guard errno == EWOULDBLOCK || errno == EINTR else { throw FileError("cannot lock \(path)") }
            guard let check else { continue }
            try check()
            usleep(20_000)
        }
        defer { file.unlock() }
        return try body()
    }

    /// Runs `body` with the lock for itself alone if nobody has it.
    /// - Returns: whether it did.
    package static func ifFree(_ path: String, _ body: () throws -> Void) throws -> Bool {
        let file = try open(path)
        guard file.tryLock() else { return false }
        defer { file.unlock() }
        try body()
        return true
    }

    /// The file of a lock that is held for longer than a call, not locked yet.
    package static func open(_ path: String) throws(FileError) -> OpenFile {
        try OpenFile(Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600), path, "cannot open the lock \(path)")
    }
}
