package import Files
internal import Glibc
internal import Synchronization
internal import Wire

/// The catalogue in its file, which several programs may read and change at the same time.
package final class CatalogueFile: Sendable {
    /// Which version of the file was read. Each change makes a new file, with another inode.
    private struct Stamp: Equatable {
        let inode: UInt
        let bytes: Int
        let seconds: Int
        let nanoseconds: Int

        init(_ status: stat) {
            inode = UInt(status.st_ino)
            bytes = Int(status.st_size)
            seconds = status.st_mtim.tv_sec
            nanoseconds = status.st_mtim.tv_nsec
        }
    }

    package let path: String
    private let place: EntryPath
    private let known = Mutex<(stamp: Stamp, catalogue: Catalogue)?>(nil)

    /// - Parameter path: the file, which need not be there yet.
    package init(_ path: String) throws(FileError) {
        self.path = path
        place = try EntryPath(path)
    }

    /// What the file says now; nothing where there is none. It is read again only where it has changed. Blocks.
    package func load() throws -> Catalogue {
        guard let folder = try Folder.find(place.folder), let status = try folder.status(place.name) else {
            return Catalogue()
        }
        let stamp = Stamp(status)
        if let known = known.withLock({ $0 }), known.stamp == stamp { return known.catalogue }
        guard let bytes = try folder.contents(place.name, limit: 1 << 30) else { return Catalogue() }
        let catalogue = try parse(bytes)
        // Where the file was replaced in between, the old stamp has it read once more than needed, never once too few.
        known.withLock { $0 = (stamp, catalogue) }
        return catalogue
    }

    private func parse(_ bytes: [UInt8]) throws(CatalogueError) -> Catalogue {
        let json: JSON
        do throws(JSONSyntaxError) {
            json = try JSON(parsing: bytes)
        } catch {
            throw CatalogueError("the catalogue \(path) is no JSON: \(error)")
        }
        do throws(Problem) {
            return try Catalogue(json)
        } catch {
            throw CatalogueError("the catalogue \(path) is not valid: \(error)")
        }
    }

    /// Changes the file as a whole, after every change that is under way elsewhere. Blocks.
    func update(_ change: (inout Catalogue) throws -> Void) throws {
        let folder = try Folder(making: place.folder)
        try FileLock.with(path + ".lock") {
            let old = try load()
            var catalogue = old
            try change(&catalogue)
            guard catalogue != old else { return }
            try folder.replace(place.name, with: Array(catalogue.json.prettyText.utf8) + [0x0A])
        }
    }
}

/// The catalogue cannot be used, or cannot take what is to be registered: one sentence that says why and what to do.
package struct CatalogueError: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}
