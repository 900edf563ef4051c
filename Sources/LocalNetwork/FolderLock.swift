internal import Files
internal import Synchronization

/// The right to use a folder, held by at most one process. The kernel takes it back when the process ends, however.
final class FolderLock: Sendable {
    private let file: Mutex<OpenFile?>

    private init(_ file: consuming OpenFile) { self.file = Mutex(file) }

    /// The file that is locked.
    static func path(_ folder: String) -> String { "\(folder)/lock" }

    /// Takes it; nil where another process has it.
    static func ifFree(_ folder: String) throws(LocalNetworkError) -> FolderLock? {
        do throws(FileError) {
            let file = try FileLock.open(path(folder))
            guard file.tryLock() else { return nil }
            return FolderLock(file)
        } catch {
            throw LocalNetworkError(.system, error.message)
        }
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
