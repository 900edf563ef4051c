internal import Glibc

/// A lock between tasks and processes, by a file that stays. The system gives it up when the process dies.
enum FileLock {
    /// Waits for the lock, looking now and then whether to give up, and holds it while `body` runs.
    /// - Parameter shared: beside others who share it, but not beside one who has it alone.
    static func with<Value: ~Copyable>(
        _ path: String, shared: Bool = false, context: WorkContext, _ body: () throws -> Value
    ) throws -> Value {
        let file = try open(path)
        while !file.tryLock(shared ? LOCK_SH : LOCK_EX) {
            guard errno == EWOULDBLOCK || errno == EINTR else { throw OCIError.system("cannot lock \(path)") }
            try context.check()
            usleep(20_000)
        }
        defer { file.unlock() }
        return try body()
    }

    /// Runs `body` with the lock for itself alone if nobody has it.
    /// - Returns: whether it did.
    static func ifFree(_ path: String, _ body: () throws -> Void) throws -> Bool {
        let file = try open(path)
        guard file.tryLock() else { return false }
        defer { file.unlock() }
        try body()
        return true
    }

    private static func open(_ path: String) throws(OCIError) -> OpenFile {
        try OpenFile(Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600), "cannot open the lock \(path)")
    }
}
