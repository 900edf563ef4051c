internal import Processes
internal import ExecutionModel
internal import Files
internal import Preparation

/// Which parts of a user's folder are wanted: all of it, or some paths, none of which lies below another.
struct Selection {
    private let paths: [RelativePath]
    private let isAll: Bool

    init(_ texts: [String]) throws(TaskFailure) {
        isAll = texts.isEmpty
        var wanted: Set<RelativePath> = []
        for text in texts {
            guard let path = RelativePath(text) else {
                throw TaskFailure(.unsafePath, "\"\(text)\" is no relative path without . and ..")
            }
            wanted.insert(path)
        }
        paths = wanted.filter { path in !path.ancestors.contains(where: wanted.contains) }.sorted()
    }

    /// The files and bytes that are wanted.
    func count(in user: borrowing Folder, _ cancellation: BlockingWork.Cancellation) throws -> PulledFiles {
        var sum = PulledFiles(files: 0, bytes: 0)
        if isAll {
            for name in try user.names() { sum.add(try TreeCopy.count(name, in: user, cancellation)) }
        }
        for path in paths {
            try Selection.withParent(of: path, in: user) { folder in
                sum.add(try TreeCopy.count(path.last, in: folder, cancellation))
            }
        }
        return sum
    }

    /// Copies what is wanted, each to the same path.
    func copy(from user: borrowing Folder, to home: borrowing Folder, _ copy: inout TreeCopy) throws {
        if isAll { try copy.copyEntries(of: user, to: home) }
        for path in paths {
            try Selection.withParent(of: path, in: user) { folder in
                if let parent = path.parent {
                    try copy.copy(
                        path.last, in: folder, to: try home.folder(making: parent, mode: 0o700), as: path.last)
                } else {
                    try copy.copy(path.last, in: folder, to: home, as: path.last)
                }
            }
        }
    }

    /// Finds the folder that holds a path; links on the way are refused.
    private static func withParent(
        of path: RelativePath, in user: borrowing Folder, _ body: (borrowing Folder) throws -> Void
    ) throws {
        let missing = TaskFailure(.notFound, "there is no \(path) in \(user.path)")
        guard let parent = path.parent else {
            guard try user.status(path.last) != nil else { throw missing }
            return try body(user)
        }
        guard let folder = try user.folder(at: parent), try folder.status(path.last) != nil else { throw missing }
        try body(folder)
    }
}
