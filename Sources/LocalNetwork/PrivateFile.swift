internal import Files

/// Files and folders that nobody but this user may read.
package enum PrivateFile {
    /// Makes a folder (mode 0700) with those above it, where it is missing.
    package static func makeFolder(_ path: String) throws(LocalNetworkError) {
        do throws(FileError) {
            try FileSystem.makeFolder(path, mode: 0o700)
        } catch {
            throw LocalNetworkError(.system, error.message)
        }
    }

    /// Writes a file (mode 0600) so that a reader finds the old contents or the new, never half of them.
    package static func write(_ bytes: [UInt8], to path: String, mode: UInt32 = 0o600) throws(LocalNetworkError) {
        do throws(FileError) {
            try FileSystem.replace(path, with: bytes, mode: mode)
        } catch {
            throw LocalNetworkError(.system, error.message)
        }
    }

    /// The contents of a file, or nil where it cannot be read.
    package static func read(_ path: String) -> [UInt8]? { try? FileSystem.contents(path) }

    /// The last lines of a text file, for messages; none where it cannot be read.
    package static func lastLines(of path: String, _ count: Int) -> [String] {
        String(decoding: (read(path) ?? []).suffix(16_384), as: UTF8.self)
            .split(separator: "\n").suffix(count).map(String.init)
    }
}
