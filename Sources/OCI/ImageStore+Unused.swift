internal import Files
internal import Glibc
package import Wire

extension ImageStore {
    /// Whether the image is unpacked here; for who holds it, it stays so. Waits for whoever is about to remove or pull it.
    package func isPresent(_ digest: Digest, context: WorkContext = WorkContext()) throws -> Bool {
        try FileLock.with(lockPath(digest), check: context.check) { root(of: digest) != nil }
    }

    /// Removes the images that nobody holds, and that nobody has held for so long: their roots, their names in the index,
    /// and the blobs that no other image needs. One that is being pulled is left alone.
    /// - Parameter age: since the last note of a holder was made or taken back; of an image without any, since its pull.
    /// - Returns: what was removed.
    @discardableResult
    package func removeUnused(for age: Duration, now: Timestamp = .now()) throws -> [Digest] {
        // The roots, and what a crash between root and name has left of earlier ones.
        let roots = FileSystem.names(in: "\(path)/rootfs").compactMap(Digest.init(hex:))
        var removed: [Digest] = []
        for digest in Set(roots + (try layout.index().manifests.map(\.digest))) {
            _ = try FileLock.ifFree(lockPath(digest)) {
                guard holders(of: digest).isEmpty, try lastUse(of: digest) + age <= now else { return }
                // The root first: where it is missing a pull does everything anew, whatever the index says.
                try removeRoot(of: digest)
                try layout.untag(digest)
                removed.append(digest)
            }
        }
        if !removed.isEmpty { try removeUnusedBlobs() }
        return removed
    }

    /// A folder's time of change is that of its last entry that came or went.
    private func lastUse(of digest: Digest) throws -> Timestamp {
        for path in [holderPath(digest), lockPath(digest)] {
            var status = stat()
            guard stat(path, &status) == 0 else { continue }
            return Timestamp(
                microseconds: Int64(status.st_mtim.tv_sec) * 1_000_000 + Int64(status.st_mtim.tv_nsec) / 1_000)
        }
        throw FileError("cannot tell when \(digest) was used")
    }
}
