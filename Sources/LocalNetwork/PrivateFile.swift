internal import FoundationEssentials
internal import Glibc

/// Files and folders that nobody but this user may read.
package enum PrivateFile {
    /// Makes a folder (mode 0700) with those above it, where it is missing.
    package static func makeFolder(_ path: String) throws(LocalNetworkError) {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw LocalNetworkError(.system, "cannot make the folder \(path): \(reason())")
        }
    }

    /// Writes a file (mode 0600) so that a reader finds the old contents or the new, never half of them.
    package static func write(_ bytes: [UInt8], to path: String, mode: UInt32 = 0o600) throws(LocalNetworkError) {
        let draft = "\(path).\(getpid()).new"
        _ = unlink(draft)
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw LocalNetworkError(.system, "cannot write \(path): \(reason())") }
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress.map { $0 + written }, $0.count - written)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            written += count
        }
        let fault = reason()
        close(descriptor)
        guard written == bytes.count, rename(draft, path) == 0 else {
            unlink(draft)
            throw LocalNetworkError(.system, "cannot write \(path): \(fault)")
        }
    }

    /// The contents of a file, or nil where it cannot be read.
    package static func read(_ path: String) -> [UInt8]? {
        (try? Data(contentsOf: URL(filePath: path))).map { Array($0) }
    }

    /// The last lines of a text file, for messages; none where it cannot be read.
    package static func lastLines(of path: String, _ count: Int) -> [String] {
        String(decoding: (read(path) ?? []).suffix(16_384), as: UTF8.self)
            .split(separator: "\n").suffix(count).map(String.init)
    }

    private static func reason() -> String { String(cString: strerror(errno)) }
}
