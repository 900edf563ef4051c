internal import Files
internal import Glibc

/// Whether the disk of a network's folder has room.
package enum DiskSpace {
    /// What a network needs at its start, in bytes: RabbitMQ's logs and its first segments, thirteen stores, the programs of
    /// containers. Below 50 MB RabbitMQ takes no messages any more (`disk_free_limit`). Images and data come on top of it.
    package static let needed: Int64 = 300_000_000
    /// RabbitMQ's own limit, in bytes.
    static let least: Int64 = 50_000_000

    /// The bytes that this user may still write where the folder is, or is going to be; nil where the system does not say.
    package static func free(at path: String) -> Int64? {
        var place = path
        while !place.isEmpty, !FileSystem.exists(place, followingLink: true) {
            place = String(place[..<(place.lastIndex(of: "/") ?? place.startIndex)])
        }
        var figures = statvfs()
        guard statvfs(place.isEmpty ? "/" : place, &figures) == 0 else { return nil }
        let (bytes, isTooMuch) = Int64(clamping: figures.f_bavail)
            .multipliedReportingOverflow(by: Int64(clamping: figures.f_frsize))
        return isTooMuch ? .max : bytes
    }

    /// Says what to do where there are fewer bytes than these.
    package static func require(_ bytes: Int64 = needed, at path: String) throws(LocalNetworkError) {
        guard let free = free(at: path), free < bytes else { return }
        throw LocalNetworkError(.system, Self.full(path, free: free))
    }

    /// One line where the disk has become full, otherwise nil.
    package static func complaint(at path: String) -> String? {
        free(at: path).flatMap { $0 < least ? full(path, free: $0) : nil }
    }

    private static func full(_ path: String, free: Int64) -> String {
        "the disk of \(path) is full: make room, \(needed / 1_000_000) MB are needed at least, and "
            + "\(free / 1_000_000) MB are free"
    }
}
