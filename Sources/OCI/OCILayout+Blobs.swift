internal import Files
internal import Digests
internal import Glibc

extension OCILayout {
    /// Stores bytes as a blob and returns what points to it.
    package func write(_ bytes: [UInt8], mediaType: String) throws -> Descriptor {
        let descriptor = Descriptor(
            mediaType: mediaType, digest: Digest(of: bytes), size: Int64(bytes.count))
        if holds(descriptor) { return descriptor }
        var writer = try BlobWriter(in: self)
        try bytes.withUnsafeBytes { try writer.write($0) }
        try writer.finish(as: descriptor)
        return descriptor
    }

    /// Stores a file's contents as a blob and returns what points to it.
    package func write(
        contentsOf path: String, mediaType: String, context: WorkContext = WorkContext()
    ) throws -> Descriptor {
        let file = try OpenFile(reading: path)
        let size = Int64(try file.status().st_size)
        var writer = try BlobWriter(in: self)
        try Chunks.forEach(of: file) { chunk in
            try context.check()
            try writer.write(chunk)
            context.report(.copying, writer.size, of: size)
        }
        return try writer.finish(mediaType: mediaType)
    }

    /// Copies a blob from another layout, verified byte for byte on its way. A blob that is already here is left.
    /// - Parameter progress: gets the bytes of each chunk.
    func copy(
        _ descriptor: Descriptor, from source: OCILayout, context: WorkContext, progress: (Int64) -> Void
    ) throws {
        guard !holds(descriptor) else { return progress(descriptor.size) }
        let path = source.blobPath(descriptor.digest)
        guard FileSystem.exists(path) else {
            throw OCIError(.notFound, "a blob of the image is not in \(source.path)", digest: descriptor.digest)
        }
        let file = try OpenFile(reading: path)
        var writer = try BlobWriter(in: self)
        try Chunks.forEach(of: file) { chunk in
            try context.check()
            try writer.write(chunk)
            guard writer.size <= descriptor.size else {
                throw OCIError(
                    .sizeMismatch, "a blob has more bytes than its descriptor says", digest: descriptor.digest)
            }
            progress(Int64(chunk.count))
        }
        try writer.finish(as: descriptor)
    }

    /// Reads a blob again from beginning to end and compares it with its digest.
    package func verify(_ descriptor: Descriptor, context: WorkContext = WorkContext()) throws {
        let path = blobPath(descriptor.digest)
        let file = try OpenFile(reading: path)
        var hash = SHA256()
        try Chunks.forEach(of: file) { chunk in
            try context.check()
            hash.update(chunk)
        }
        guard Digest(hash) == descriptor.digest else {
            throw OCIError(
                .digestMismatch, "a blob in \(self.path) is not what its digest says", digest: descriptor.digest)
        }
    }

    /// Removes what dead writers left half written; what living ones write is locked by them.
    package func removeAbandonedWrites() throws {
        let folder = "\(path)/\(OCILayout.ingestName)"
        try locked {
            for name in FileSystem.names(in: folder) {
                let path = "\(folder)/\(name)"
                if let file = try? OpenFile(reading: path), file.tryLock() { unlink(path) }
            }
        }
    }

    /// Holds the layout's lock for the moment in which a temporary file is made and locked, or the index replaced, so
    /// that nobody takes it for abandoned in between.
    func locked<Value: ~Copyable>(
        context: WorkContext = WorkContext(), _ body: () throws -> Value
    ) throws -> Value {
        try FileLock.with("\(path)/.lock", check: context.check, body)
    }
}

/// A blob on its way into a layout: under a temporary name and locked until it is whole, verified and on disk; removed
/// otherwise.
struct BlobWriter: ~Copyable {
    private let layout: OCILayout
    private let temporary: String
    private let file: OpenFile
    private var hash: SHA256
    private var isFinished = false
    /// Bytes written so far.
    private(set) var size: Int64 = 0

    init(in layout: OCILayout) throws {
        let folder = "\(layout.path)/\(OCILayout.ingestName)"
        try FileSystem.makeFolder(folder)
        let temporary = "\(folder)/\(Folder.uniqueName("blob"))"
        let hash = SHA256()
        let file = try layout.locked {
            let file = try OpenFile(
                open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644), "a blob in \(layout.path)",
                "cannot write a blob in \(layout.path)")
            guard file.tryLock() else { throw FileError("cannot lock \(temporary)") }
            return file
        }
        self.layout = layout
        self.temporary = temporary
        self.hash = hash
        self.file = file
    }

    deinit { if !isFinished { unlink(temporary) } }

    mutating func write(_ chunk: UnsafeRawBufferPointer) throws(FileError) {
        try file.write(chunk)
        hash.update(chunk)
        size += Int64(chunk.count)
    }

    /// Puts the blob in its place if it is what the descriptor says.
    consuming func finish(as descriptor: Descriptor) throws {
        guard size == descriptor.size else {
            throw OCIError(
                .sizeMismatch, "a blob has \(size) bytes and not \(descriptor.size)", digest: descriptor.digest)
        }
        _ = try place(expected: descriptor.digest)
    }

    /// Puts the blob in its place under the digest that it has.
    consuming func finish(mediaType: String) throws -> Descriptor {
        let written = size
        return Descriptor(mediaType: mediaType, digest: try place(expected: nil), size: written)
    }

    private consuming func place(expected: Digest?) throws -> Digest {
        let digest = Digest(hash)
        if let expected, digest != expected {
            throw OCIError(
                .digestMismatch, "a blob's bytes have the digest \(digest), not the one they should have",
                digest: expected)
        }
        try file.sync()
        try FileSystem.rename(temporary, to: layout.blobPath(digest))
        isFinished = true
        return digest
    }
}

/// A file in pieces of one mebibyte: large enough for full speed, small enough to stop soon.
enum Chunks {
    static func forEach(of file: borrowing OpenFile, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        posix_fadvise(file.descriptor, 0, 0, POSIX_FADV_SEQUENTIAL)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
        defer { buffer.deallocate() }
        while true {
            let count = try file.read(into: buffer)
            if count == 0 { return }
            try body(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }
}
