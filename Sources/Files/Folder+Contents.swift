package import Glibc

extension Folder {
    /// The whole of a small file; nil where there is none. More than `limit` bytes are an error.
    package func contents(_ name: FileName, limit: Int) throws(FileError) -> [UInt8]? {
        do throws(FileError) {
            let file = try open(name)
            return try contents(of: file, limit: limit)
        } catch {
            guard error.code == .notFound else { throw error }
            return nil
        }
    }

    private func contents(of file: borrowing OpenFile, limit: Int) throws(FileError) -> [UInt8] {
        var contents: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = try buffer.withUnsafeMutableBufferPointer { (buffer) throws(FileError) in
                try file.read(into: UnsafeMutableRawBufferPointer(buffer))
            }
            if count == 0 { return contents }
            contents += buffer[..<count]
            guard contents.count <= limit else {
                throw FileError(.failed, "\(file.name) has more than the \(limit) bytes that it may have")
            }
        }
    }

    /// Writes a small file durably, so that it is either the old or the new one whatever happens meanwhile.
    package func replace(_ name: FileName, with bytes: [UInt8], mode: mode_t = 0o644) throws(FileError) {
        let temporary = Folder.uniqueName("new")
        do throws(FileError) {
            let file = try create(temporary, mode: mode)
            try bytes.withUnsafeBufferPointer { (bytes) throws(FileError) in
                try file.write(UnsafeRawBufferPointer(bytes))
            }
            try file.sync()
            try move(temporary, to: self, as: name)
        } catch {
            _ = try? removeFile(temporary)
            throw error
        }
        try sync()
    }

    /// Moves a finished file to a name that must be free.
    package func publish(_ name: FileName, to target: borrowing Folder, as newName: FileName) throws(FileError) {
        if try linkIfPossible(name, to: target, as: newName) {
            try removeFile(name)
            return
        }
        guard try target.status(newName) == nil else {
            throw FileError("cannot write \(target.name(of: newName))", errno: EEXIST)
        }
        try move(name, to: target, as: newName)
    }
}

/// An exclusive lock between processes, by a file that stays. The system gives it up when its holder dies.
package enum FileLock {
    /// Waits for the lock and holds it while `body` runs: for brief work, on a thread that may block.
    package static func with<Value>(_ path: String, _ body: () throws -> Value) throws -> Value {
        let file = try OpenFile(
            open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600), path, "cannot open the lock \(path)")
        while flock(file.descriptor, LOCK_EX) != 0 {
            guard errno == EINTR else { throw FileError("cannot lock \(path)") }
        }
        return try body()
    }
}
