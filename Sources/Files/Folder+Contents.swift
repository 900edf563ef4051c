internal import Glibc

extension Folder {
    /// The whole of a small file; nil where there is none. More than `limit` bytes are an error.
    package func contents(_ name: FileName, limit: Int) throws(FileError) -> [UInt8]? {
        do throws(FileError) {
            return try open(name).contents(limit: limit)
        } catch {
            guard error.code == .notFound else { throw error }
            return nil
        }
    }

    /// Writes a small file durably, so that it is either the old or the new one whatever happens meanwhile.
    package func replace(_ name: FileName, with bytes: [UInt8], mode: UInt32 = 0o644) throws(FileError) {
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
