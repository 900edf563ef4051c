internal import Files
internal import Synchronization

/// The right to use a folder, held by at most one process. The kernel takes it back when the process ends, however.
final class FolderLock: Sendable {
    private let file: Mutex<OpenFile?>

    init(_ folder: String) throws(LocalNetworkError) {
        let file: OpenFile
        do throws(FileError) {
            file = try FileLock.open("\(folder)/lock")
        } catch {
            throw LocalNetworkError(.system, error.message)
        }
        guard file.tryLock() else {
            throw LocalNetworkError(.inUse, "another network runs on \(folder): stop it, or choose another folder")
        }
        self.file = Mutex(file)
    }

    /// Gives it back; once, however often called.
    func release() {
        file.withLock { file in
            // Said outright, since a child that is just being started may still have the descriptor.
            file?.unlock()
            file = nil
        }
    }
}
