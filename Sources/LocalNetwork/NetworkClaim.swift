internal import Files
internal import Glibc

/// The right to run a network in a folder: taken before anything in it is touched, so that a second start leaves the first
/// one's files alone.
package final class NetworkClaim: Sendable {
    private let folder: NetworkFolder
    private let lock: FolderLock

    /// Takes it, or says that another process has it. The folder is made where it is missing.
    package init(_ folder: NetworkFolder) async throws(LocalNetworkError) {
        try PrivateFile.makeFolder(folder.path)
        self.folder = folder
        lock = try await Self.lock(folder)
        try PrivateFile.write(Array("\(getpid())\n".utf8), to: Self.processFile(folder))
    }

    /// Gives it back; the end of the process does as well.
    package func release() {
        unlink(Self.processFile(folder))
        lock.release()
    }

    /// Removes everything in the folder but the claim itself. It blocks.
    package func removeContents() throws(LocalNetworkError) {
        let own = [FolderLock.path(folder.path), Self.processFile(folder)]
        do throws(FileError) {
            for name in FileSystem.names(in: folder.path) where !own.contains("\(folder.path)/\(name)") {
                try FileSystem.remove("\(folder.path)/\(name)")
            }
        } catch {
            throw LocalNetworkError(.system, error.message)
        }
    }

    /// Whether a process has it.
    package static func isHeld(on folder: NetworkFolder) -> Bool {
        // A lock that nobody ever took is no file, and is not made by asking.
        guard FileSystem.exists(FolderLock.path(folder.path)) else { return false }
        return (try? FileLock.ifFree(FolderLock.path(folder.path)) {}) == false
    }

    /// The process that has it, where one has it.
    static func holder(of folder: NetworkFolder) -> Int32? {
        PrivateFile.lastLines(of: processFile(folder), 1).first.flatMap { Int32($0) }
    }

    private static func processFile(_ folder: NetworkFolder) -> String { folder.path + "/up.pid" }

    /// `isHeld` has the lock for a moment: who takes it meanwhile tries again.
    private static func lock(_ folder: NetworkFolder) async throws(LocalNetworkError) -> FolderLock {
        for _ in 0..<5 {
            if let lock = try FolderLock.ifFree(folder.path) { return lock }
            try? await Task.sleep(for: .milliseconds(20))
        }
        let process = holder(of: folder).map { " (process \($0))" } ?? ""
        throw LocalNetworkError(
            .inUse, "another network runs on \(folder.path)\(process): stop it, or choose another folder")
    }
}
