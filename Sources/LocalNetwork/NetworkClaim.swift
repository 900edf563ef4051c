/// The right to run a network in a folder: taken before anything in it is touched, so that a second start leaves the first
/// one's files alone.
package final class NetworkClaim: Sendable {
    private let lock: FolderLock

    /// Takes it, or says that another process has it. The folder is made where it is missing.
    package init(_ folder: NetworkFolder) throws(LocalNetworkError) {
        try PrivateFile.makeFolder(folder.path)
        lock = try FolderLock(folder.path)
    }

    /// Gives it back; the end of the process does as well.
    package func release() { lock.release() }
}
