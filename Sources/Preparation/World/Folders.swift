internal import FoundationEssentials
internal import Glibc

/// What the preparing participants do with folders. All of it blocks.
package enum Folders {
    /// Makes a folder with all above it; for this user alone.
    package static func make(_ path: String) throws {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw FolderError(description: "cannot make the folder \(path): \(error)")
        }
    }

    /// Removes a file, a link or a folder with all that is in it; nothing there is no error. Links are not followed.
    package static func remove(_ path: String) throws {
        // Another who removes the same makes an attempt fail half way: what matters is that it is gone.
        for attempt in 1... {
            guard exists(path) else { return }
            do {
                try FileManager.default.removeItem(atPath: path)
            } catch  where attempt == 10 && exists(path) {
                throw FolderError(description: "cannot remove \(path): \(error)")
            } catch {}
        }
    }

    package static func rename(_ path: String, to other: String) throws {
        guard Glibc.rename(path, other) == 0 else { throw failure("cannot rename \(path) to \(other)") }
    }

    /// Whether anything is there, a link that leads nowhere included.
    package static func exists(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0
    }

    /// What is in a folder; nothing where there is none.
    package static func names(in path: String) -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    }

    /// Writes a file that only this user may read, whole or not at all.
    package static func write(_ bytes: [UInt8], privately path: String) throws {
        let temporary = path + ".new"
        unlink(temporary)
        let file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw failure("cannot write \(temporary)") }
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                Glibc.write(file, buffer.baseAddress.map { $0 + written }, buffer.count - written)
            }
            guard count > 0 || errno == EINTR else {
                defer { close(file) }
                throw failure("cannot write \(temporary)")
            }
            written += max(0, count)
        }
        fsync(file)
        close(file)
        try rename(temporary, to: path)
    }

    /// The whole of a file; nil where there is none.
    package static func contents(_ path: String) -> [UInt8]? {
        (try? Data(contentsOf: URL(filePath: path))).map(Array.init)
    }

    static func failure(_ what: String) -> FolderError {
        FolderError(description: "\(what): \(String(cString: strerror(errno)))")
    }
}

/// The system refused to do something with a folder.
package struct FolderError: Error, CustomStringConvertible {
    package let description: String
}
