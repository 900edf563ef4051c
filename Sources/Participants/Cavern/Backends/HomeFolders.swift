package import ExecutionModel
internal import Files
package import Preparation
internal import Processes
package import Wire

/// Users' files in a folder of their own under one root.
package final class HomeFolders: UserStorage {
    private let root: String

    /// - Parameter root: the folder that holds a folder for each user; both are made where there are none.
    package init(root: String) { self.root = root }

    /// Reads a site's configuration: `home`. What is missing or wrong is `invalid`.
    package convenience init(site: SiteFile) throws(Problem) {
        let root = site.path("home", required: true)
        try site.reader.finish()
        self.init(root: root ?? "")
    }

    /// The path of a user's folder.
    package func path(of owner: Owner) throws -> String { "\(root)/\(try UserFolderName.of(owner))" }

    package func pull(
        _ paths: [String], of owner: Owner, into folder: String,
        progress: @escaping @Sendable (TaskProgress) -> Void
    ) async throws -> PulledFiles {
        try await run { folders, cancellation in
            try folders.copy(try Selection(paths), of: owner, into: folder, progress, cancellation)
        }
    }

    package func keep(_ folder: String, of session: SessionID, for owner: Owner) async throws {
        try await run { folders, cancellation in
            try folders.keepNow(folder, session, owner, cancellation)
        }
    }

    /// Runs blocking work on a thread of its own; what the file system refuses becomes the failure of a task.
    private func run<Value: Sendable>(
        _ body: @escaping @Sendable (HomeFolders, BlockingWork.Cancellation) throws -> Value
    ) async throws -> Value {
        try await BlockingWork.run { [self] cancellation in
            do {
                return try body(self, cancellation)
            } catch let error as FileError {
                throw TaskFailure(error)
            }
        }
    }

    /// The user's own folder, made where there is none: for its owner alone.
    private func userFolder(of owner: Owner) throws(FileError) -> Folder {
        let name = try UserFolderName.of(owner)
        let root = try Folder(making: self.root, mode: 0o711)
        try root.makeFolder(name, mode: 0o700)
        return try root.folder(name)
    }

    // MARK: Pulling

    private func copy(
        _ selection: Selection, of owner: Owner, into path: String,
        _ report: @escaping @Sendable (TaskProgress) -> Void, _ cancellation: BlockingWork.Cancellation
    ) throws -> PulledFiles {
        let user = try userFolder(of: owner)
        let target = try EntryPath(path)
        let area = try Folder(target.folder)
        if try area.status(target.name) != nil {
            // It appears as a whole at the end, so an earlier attempt has made it.
            let found = try TreeCopy.count(target.name, in: area, cancellation)
            ProgressReport(total: found.bytes, report).finish(found.bytes)
            return found
        }
        let part = try RelativePath(checking: ".\(target.name).part").last
        // What a crash has left of an earlier attempt.
        try area.remove(part)
        do {
            let total = try selection.count(in: user, cancellation).bytes
            var copy = TreeCopy(cancellation: cancellation, progress: ProgressReport(total: total, report))
            try area.makeFolder(part, mode: 0o700)
            let home = try area.folder(part)
            try selection.copy(from: user, to: home, &copy)
            try home.resemble(try user.status())
            try area.move(part, to: area, as: target.name)
            return copy.copied
        } catch {
            _ = try? area.remove(part)
            throw error
        }
    }

    // MARK: Keeping

    private func keepNow(
        _ path: String, _ session: SessionID, _ owner: Owner, _ cancellation: BlockingWork.Cancellation
    ) throws {
        let source = try EntryPath(path)
        guard let area = try Folder.find(source.folder), let status = try area.status(source.name), status.isFolder,
            try !area.folder(source.name).names().isEmpty
        else { return }
        let user = try userFolder(of: owner)
        let sessions = try user.folder(making: try RelativePath(checking: "sessions"), mode: 0o700)
        let kept = try RelativePath(checking: session.description).last
        // It appears as a whole at the end, so an earlier attempt has kept it.
        guard try sessions.status(kept) == nil else { return }
        let part = try RelativePath(checking: ".\(session).part").last
        try sessions.remove(part)
        do {
            let total = try TreeCopy.count(source.name, in: area, cancellation).bytes
            var copy = TreeCopy(
                cancellation: cancellation, progress: ProgressReport(total: total) { _ in }, isDurable: true)
            try copy.copy(source.name, in: area, to: sessions, as: part)
            try sessions.move(part, to: sessions, as: kept)
            try sessions.sync()
        } catch {
            _ = try? sessions.remove(part)
            throw error
        }
    }
}
