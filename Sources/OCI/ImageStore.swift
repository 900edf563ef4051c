internal import Files
internal import CLinux
internal import Glibc

/// The images that a site has: an image layout with the verified blobs, and beside them the unpacked root folders.
///
///     <path>/oci-layout, index.json, blobs/sha256/…   the blobs
///     <path>/rootfs/<manifest digest>                 unpacked, whole
///     <path>/holders/<manifest digest>/<holder>       who needs it
///     <path>/locks/<manifest digest>                  who works on it
///
/// The functions here block; `pull` and `remove` of the same image wait for each other, in whatever process they are.
package struct ImageStore: Sendable, Hashable {
    package let layout: OCILayout
    package var path: String { layout.path }

    /// Opens the store, and makes it first where there is none. What dead writers left half done is removed.
    package init(at path: String) throws {
        layout = try OCILayout(creating: path)
        for name in ["rootfs", "holders", "locks"] { try FileSystem.makeFolder("\(layout.path)/\(name)", mode: 0o700) }
        try layout.removeAbandonedWrites()
        try layout.locked { removeAbandonedRoots() }
    }

    /// Where the unpacked root of an image lies; nil where it is not here. The folder belongs to every session of the
    /// image and must not be changed: mount it read-only, or below an overlay.
    package func root(of digest: Digest) -> String? {
        let path = rootPath(digest)
        return FileSystem.exists(path) ? path : nil
    }

    /// Copies an image from a registry's layout and unpacks it. What is already here is not done again; a pull that
    /// fails or is cancelled leaves nothing that was not here before.
    /// - Returns: the path of the unpacked root folder.
    package func pull(
        _ image: ResolvedImage, from registry: OCILayout, limits: UnpackLimits = UnpackLimits(),
        context: WorkContext = WorkContext()
    ) throws -> String {
        let result = Result {
            try FileLock.with(lockPath(image.digest), check: context.check) {
                try FileLock.with(blobLockPath, shared: true, check: context.check) {
                    try pullLocked(image, from: registry, limits: limits, context: context)
                }
            }
        }
        // Also where another's pull failed while this one was under way.
        let hasFailed = if case .failure = result { true } else { false }
        if hasFailed || FileSystem.exists(sweepMark) { try? removeUnusedBlobs() }
        return try result.get()
    }

    private func pullLocked(
        _ image: ResolvedImage, from registry: OCILayout, limits: UnpackLimits, context: WorkContext
    ) throws -> String {
        if let root = root(of: image.digest) {
            context.report(.copying, image.size, of: image.size)
            context.report(.unpacking, image.size, of: image.size)
            // Under another name as well, or one that a crash has kept from being written.
            if try !layout.knows(image) { try layout.tag(image) }
            return root
        }
        var done: Int64 = 0
        context.report(.copying, 0, of: image.size)
        for blob in image.blobs {
            try layout.copy(blob, from: registry, context: context) { count in
                done += count
                context.report(.copying, min(done, image.size), of: image.size)
            }
        }
        let root = try unpack(image, limits: limits, context: context)
        try layout.tag(image)
        return root
    }

    /// Removes the blobs of which no image in the index knows. While an image is being pulled nothing is removed; the
    /// pull does it at its end.
    package func removeUnusedBlobs() throws {
        try FileSystem.replace(sweepMark, with: [])
        _ = try FileLock.ifFree(blobLockPath) {
            var used: Set<String> = []
            try layout.collectBlobs(of: try layout.index(), into: &used)
            for name in FileSystem.names(in: layout.blobFolder) where !used.contains(name) {
                unlink("\(layout.blobFolder)/\(name)")
            }
            unlink(sweepMark)
        }
    }

    private func unpack(_ image: ResolvedImage, limits: UnpackLimits, context: WorkContext) throws -> String {
        let temporary = "\(path)/rootfs/\(Folder.uniqueName("new"))"
        let folder = try layout.locked {
            try FileSystem.makeFolder(temporary, mode: 0o755)
            let folder = try Folder(temporary)
            guard folder.file.tryLock() else { throw FileError("cannot lock \(temporary)") }
            return folder
        }
        do {
            var limits = limits
            var done: Int64 = 0
            let total = image.manifest.layers.reduce(0) { $0 + $1.size }
            context.report(.unpacking, 0, of: total)
            for (layer, diffID) in zip(image.manifest.layers, image.configuration.diffIDs) {
                try unpack(layer, diffID, into: temporary, limits: &limits, context: context) { used in
                    context.report(.unpacking, min(done + used, total), of: total)
                }
                done += layer.size
                context.report(.unpacking, done, of: total)
            }
            // One call for all files, instead of one each: the whole tree is on disk before it gets its name.
            guard execbus_syncfs(folder.file.descriptor) == 0 else { throw FileError("cannot write \(temporary)") }
            try FileSystem.rename(temporary, to: rootPath(image.digest))
        } catch {
            try? FileSystem.remove(temporary)
            throw error
        }
        return rootPath(image.digest)
    }

    private func unpack(
        _ layer: Descriptor, _ diffID: Digest, into root: String, limits: inout UnpackLimits, context: WorkContext,
        progress: @escaping (Int64) -> Void
    ) throws {
        do {
            let stream = try LayerStream(
                path: layout.blobPath(layer.digest), compression: try LayerCompression(mediaType: layer.mediaType),
                context: context, progress: progress)
            limits = try LayerUnpacker(root: try RootFolder(root), limits: limits).unpack(try TarReader(stream))
            let actual = try stream.finish()
            guard actual == diffID else {
                throw OCIError(
                    .digestMismatch, "a layer unpacks to \(actual) and not to its diff_id \(diffID)",
                    digest: layer.digest)
            }
        } catch let error as OCIError where [.damagedArchive, .digestMismatch].contains(error.code) {
            // If our own copy has rotted, the next attempt must not find it.
            do {
                try layout.verify(layer, context: context)
            } catch let damage as OCIError where damage.code == .digestMismatch {
                unlink(layout.blobPath(layer.digest))
                throw damage
            }
            throw OCIError(error.code, error.message, digest: layer.digest)
        }
    }

    private func rootPath(_ digest: Digest) -> String { "\(path)/rootfs/\(digest.hex)" }
    private var blobLockPath: String { "\(path)/locks/blobs" }
    /// There while blobs wait to be removed.
    private var sweepMark: String { "\(path)/locks/unused" }
    func lockPath(_ digest: Digest) -> String { "\(path)/locks/\(digest.hex)" }
    func holderPath(_ digest: Digest) -> String { "\(path)/holders/\(digest.hex)" }

    private func removeAbandonedRoots() {
        for name in FileSystem.names(in: "\(path)/rootfs") where name.hasPrefix(".") {
            let path = "\(path)/rootfs/\(name)"
            if let folder = try? Folder(path), folder.file.tryLock() { try? FileSystem.remove(path) }
        }
    }
}

// MARK: Who needs an image

extension ImageStore {
    /// Notes that somebody needs the image; the same holder twice counts once.
    /// - Parameter holder: such as a task's UUID; letters, digits and hyphens.
    package func hold(_ digest: Digest, for holder: String) throws {
        try FileSystem.makeFolder(holderPath(digest), mode: 0o700)
        _ = try OpenFile(
            Glibc.open(try notePath(digest, holder), O_WRONLY | O_CREAT | O_CLOEXEC, 0o600),
            holder, "cannot note who holds \(digest)")
    }

    /// Takes the note back; one that is not there is no error.
    package func release(_ digest: Digest, by holder: String) throws { unlink(try notePath(digest, holder)) }

    /// Who needs the image.
    package func holders(of digest: Digest) -> [String] { FileSystem.names(in: holderPath(digest)).sorted() }

    /// Removes the unpacked root of an image that nobody holds; the blobs stay, since other images may share them.
    /// Who needs an image calls `hold` first and `pull` next, so that it cannot vanish in between.
    /// - Returns: false where somebody holds it.
    package func remove(_ digest: Digest, context: WorkContext = WorkContext()) throws -> Bool {
        try FileLock.with(lockPath(digest), check: context.check) {
            guard holders(of: digest).isEmpty else { return false }
            try removeRoot(of: digest)
            return true
        }
    }

    /// Under the image's lock.
    func removeRoot(of digest: Digest) throws {
        guard FileSystem.exists(rootPath(digest)) else { return }
        // Renamed first, so that nobody finds half of it.
        let doomed = "\(path)/rootfs/\(Folder.uniqueName("old"))"
        try FileSystem.rename(rootPath(digest), to: doomed)
        try FileSystem.remove(doomed)
    }

    private func notePath(_ digest: Digest, _ holder: String) throws -> String {
        guard (1...128).contains(holder.utf8.count), holder.utf8.allSatisfy({ $0 != UInt8(ascii: "/") && $0 > 0x20 }),
            !holder.hasPrefix(".")
        else { throw OCIError(.malformed, "'\(holder)' cannot be the name of a holder") }
        return "\(holderPath(digest))/\(holder)"
    }
}
