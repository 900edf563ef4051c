internal import Files
internal import Glibc

/// Measures how many bytes a second really come from a storage to where sessions have their areas, by copying some.
struct RateMeter {
    /// How much is copied for it at most, and for how long.
    static let bytes = 4 << 20
    static let time = Duration.seconds(1)

    /// A folder in the file system of the areas.
    let target: String

    /// Bytes a second. The copy is what staging does, with checksum, limit and synchronisation.
    func measure(_ storage: StorageFolder, _ throttle: Throttle?, _ known: Catalogue) throws -> Int64 {
        let source = try Folder(storage.path)
        let probe = Folder.uniqueName("probe")
        defer { _ = try? source.removeFile(probe) }
        if (try? RateMeter.write(probe, in: source)) != nil { return try time(try source.open(probe), throttle) }
        // A storage that can only be read: then one of its own files has to do.
        guard let own = RateMeter.someFile(of: storage, known), let file = try own.open(in: source) else {
            throw FileError(.notAccessible, "nothing in \(storage.path) can be read or written")
        }
        return try time(file, throttle)
    }

    private func time(_ file: borrowing OpenFile, _ throttle: Throttle?) throws -> Int64 {
        file.forgetCached()
        let root = try Folder(making: target)
        let name = Folder.uniqueName("probe")
        let copy = try root.create(name)
        defer { _ = try? root.removeFile(name) }
        let start = ContinuousClock.now
        var done = 0
        var adler32 = Adler32()
        var isEnough = false
        try file.forEachChunk(of: throttle?.chunk ?? 1 << 18, until: { isEnough }) { chunk in
            try throttle?.take(chunk.count, nil)
            adler32.update(chunk)
            try copy.write(chunk)
            done += chunk.count
            isEnough = done >= RateMeter.bytes || ContinuousClock.now - start >= RateMeter.time
        }
        try copy.sync()
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        return max(1, Int64(Double(done) / max(seconds, 1e-6)))
    }

    private static func write(_ probe: FileName, in folder: borrowing Folder) throws(FileError) {
        let file = try folder.create(probe)
        // Bytes that no file system compresses away.
        var generator = SystemRandomNumberGenerator()
        let block = (0..<(1 << 15)).map { _ in generator.next() as UInt64 }
        for _ in 0..<(bytes / (block.count * 8)) {
            try block.withUnsafeBufferPointer { (block) throws(FileError) in
                try file.write(UnsafeRawBufferPointer(block))
            }
        }
        try file.sync()
    }

    /// A file that the storage holds, the largest of the first few.
    private static func someFile(of storage: StorageFolder, _ catalogue: Catalogue) -> Replica? {
        let files = catalogue.entries.values.lazy.compactMap { entry -> Catalogue.File? in
            guard case .file(let file) = entry, file.rses.contains(storage.name), file.bytes > 0 else { return nil }
            return file
        }
        return files.prefix(100).max { $0.bytes < $1.bytes }.flatMap { Replica(file: $0, storage: storage) }
    }
}
