internal import CLinux
internal import Glibc

/// An exclusive lock between tasks and processes, by a file that stays. The system gives it up when the process dies.
enum FileLock {
    /// Waits for the lock, looking now and then whether to give up, and holds it while `body` runs.
    static func with<Value: ~Copyable>(_ path: String, context: WorkContext, _ body: () throws -> Value) throws -> Value
    {
        let file = try OpenFile(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600), "cannot open the lock \(path)")
        while !file.tryLock() {
            guard errno == EWOULDBLOCK || errno == EINTR else { throw OCIError.system("cannot lock \(path)") }
            try context.check()
            usleep(20_000)
        }
        defer { file.unlock() }
        return try body()
    }
}
