internal import Glibc
internal import Synchronization

/// The right to use a folder, held by at most one process. The kernel takes it back when the process ends, however.
final class FolderLock: Sendable {
    private let descriptor: Mutex<Int32?>

    init(_ folder: String) throws(LocalNetworkError) {
        let descriptor = open("\(folder)/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw LocalNetworkError(.system, "cannot open \(folder)/lock: \(String(cString: strerror(errno)))")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw LocalNetworkError(.inUse, "another network runs on \(folder): stop it, or choose another folder")
        }
        self.descriptor = Mutex(descriptor)
    }

    deinit { release() }

    /// Gives it back; once, however often called.
    func release() {
        if let descriptor = descriptor.withLock({ $0.take() }) { close(descriptor) }
    }
}
