internal import ExecutionModel
internal import Files
internal import Glibc
internal import Preparation
internal import Processes

/// Puts files in their places, each verified before it appears there.
struct FilePlacer: ~Copyable {

    private let stager: FolderStager
    private let cancellation: BlockingWork.Cancellation
    private let progress: ProgressReport
    /// Where copies grow: in the same file system as their places.
    private let parts: Folder
    private let partsName: FileName

    init(
        stager: FolderStager, data: borrowing Folder, cancellation: BlockingWork.Cancellation, progress: ProgressReport
    ) throws {
        guard let name = FileName(".part") else { throw FileError(.unsafePath, ".part cannot name a folder") }
        // What a crash has left of an earlier attempt.
        try data.remove(name)
        try data.makeFolder(name, mode: 0o700)
        parts = try data.folder(name)
        partsName = name
        self.stager = stager
        self.cancellation = cancellation
        self.progress = progress
    }

    func removeParts(in data: borrowing Folder) throws(FileError) { try data.remove(partsName) }

    /// Puts a file in its place; whether it was linked.
    func place(_ item: StagingPlan.Item, in data: borrowing Folder) throws -> Bool {
        try cancellation.check()
        let isLinked: Bool
        if let parent = item.target.parent {
            isLinked = try place(item.file, as: item.target.last, into: try data.folder(making: parent))
        } else {
            isLinked = try place(item.file, as: item.target.last, into: data)
        }
        progress.finish(item.file.bytes)
        return isLinked
    }

    private func place(_ file: Catalogue.File, as name: FileName, into folder: borrowing Folder) throws -> Bool {
        if let isLinked = try isThere(file, as: name, in: folder) { return isLinked }
        let replicas = stager.replicas(of: file)
        var failure: TaskFailure?
        for replica in replicas {
            do {
                return try place(replica, as: name, into: folder)
            } catch let next as ReplicaFailure {
                // A replica that is wrong says more than one that is not there.
                if failure == nil || next.isWrong { failure = next.failure }
            }
        }
        throw failure
            ?? TaskFailure(.unavailable, "no storage that this site reaches has \(file.did): it lies in \(file.rses)")
    }

    /// Whether the file is in its place already, and there linked; nil where it has to be put there.
    private func isThere(_ file: Catalogue.File, as name: FileName, in folder: borrowing Folder) throws -> Bool? {
        guard let status = try folder.status(name) else { return nil }
        if status.isFile, Int64(status.st_size) == file.bytes,
            try adler32(of: try folder.open(name)) == file.adler32
        {
            return status.st_nlink > 1
        }
        guard try folder.removeFile(name) else {
            throw TaskFailure(.pathTaken, "a folder lies at \(folder.path)/\(name): give the data another place")
        }
        return nil
    }

    // MARK: One replica

    /// A replica cannot be used; another may do.
    private struct ReplicaFailure: Error {
        let failure: TaskFailure
        let isWrong: Bool

        init(_ reason: FileReason, _ detail: String) {
            failure = TaskFailure(reason, detail)
            isWrong = reason != .unavailable
        }
    }

    private func place(_ replica: Replica, as name: FileName, into folder: borrowing Folder) throws -> Bool {
        let holder = try open(replica)
        let source = try reading(replica) { () throws(FileError) in try holder.open(replica.path.last) }
        let original = try source.status()
        guard Int64(original.st_size) == replica.file.bytes else {
            throw FilePlacer.wrongSize(replica, "\(original.st_size)")
        }
        let mayLink = replica.storage.isLocal && stager.localData == .linked
        if mayLink, try original.st_dev == folder.status().st_dev {
            try check(try adler32(of: source), replica)
            if try link(holder, replica, original, to: folder, as: name) { return true }
            // A file system without second names. The verified file is read once more, from its beginning.
            try copy(
                try reading(replica) { () throws(FileError) in try holder.open(replica.path.last) }, replica,
                to: folder, as: name)
            return false
        }
        try copy(source, replica, to: folder, as: name)
        return false
    }

    private func open(_ replica: Replica) throws -> Folder {
        let root = try reading(replica) { () throws(FileError) in try Folder(replica.storage.path) }
        guard let holder = try reading(replica, { () throws(FileError) in try replica.folder(in: root) }) else {
            throw ReplicaFailure(.unavailable, "\(replica.name) is not there")
        }
        return holder
    }

    /// What fails at the source is the replica's failure, not the task's.
    private func reading<Value: ~Copyable>(
        _ replica: Replica, _ body: () throws(FileError) -> Value
    ) throws -> Value {
        do throws(FileError) {
            return try body()
        } catch {
            throw ReplicaFailure(error.code == .unsafePath ? .unsafePath : .unavailable, "\(replica.name): \(error)")
        }
    }

    private func check(_ found: Adler32, _ replica: Replica) throws {
        guard found == replica.file.adler32 else {
            throw ReplicaFailure(
                .checksumMismatch, "\(replica.name) has the adler32 \(found), not \(replica.file.adler32)")
        }
    }

    private static func wrongSize(_ replica: Replica, _ found: String) -> ReplicaFailure {
        ReplicaFailure(.sizeMismatch, "\(replica.name) has \(found) bytes, not \(replica.file.bytes)")
    }

    private func adler32(of file: borrowing OpenFile) throws -> Adler32 {
        var sum = Adler32()
        var done: Int64 = 0
        try file.forEachChunk { chunk in
            try cancellation.check()
            sum.update(chunk)
            done += Int64(chunk.count)
            progress.within(done)
        }
        return sum
    }

    /// False where the file system has no second names for it.
    private func link(
        _ holder: borrowing Folder, _ replica: Replica, _ original: stat, to folder: borrowing Folder, as name: FileName
    ) throws -> Bool {
        guard try holder.linkIfPossible(replica.path.last, to: folder, as: name) else { return false }
        // What was verified is what was linked, or it was replaced in between.
        guard let linked = try folder.status(name), linked.st_ino == original.st_ino, linked.st_dev == original.st_dev
        else {
            try folder.removeFile(name)
            throw ReplicaFailure(.unavailable, "\(replica.name) was replaced meanwhile")
        }
        return true
    }

    private func copy(
        _ source: borrowing OpenFile, _ replica: Replica, to folder: borrowing Folder, as name: FileName
    ) throws {
        let part = Folder.uniqueName("copy")
        let copy = try parts.create(part)
        do {
            let throttle = stager.throttle(of: replica.storage)
            var sum = Adler32()
            var done: Int64 = 0
            try source.forEachChunk(of: throttle?.chunk ?? 1 << 20) { chunk in
                try cancellation.check()
                try throttle?.take(chunk.count, cancellation)
                done += Int64(chunk.count)
                guard done <= replica.file.bytes else { throw FilePlacer.wrongSize(replica, "\(done) or more") }
                sum.update(chunk)
                try copy.write(chunk)
                progress.within(done)
            }
            guard done == replica.file.bytes else { throw FilePlacer.wrongSize(replica, "\(done)") }
            try check(sum, replica)
            try copy.sync()
            try parts.publish(part, to: folder, as: name)
        } catch {
            _ = try? parts.removeFile(part)
            throw error
        }
    }
}
