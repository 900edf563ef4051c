internal import FoundationEssentials
internal import Glibc

/// Finding programs.
package enum Executable {
    /// The path of a program, or nil where there is none: a name with a slash is a path already, another is looked for
    /// in the directories of `path` (those of the variable `PATH` where it is nil).
    package static func find(_ name: String, path: String? = nil) -> String? {
        if name.contains("/") { return isExecutable(name) ? name : nil }
        let directories = path ?? ProcessInfo.processInfo.environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"
        return directories.split(separator: ":").lazy.map { "\($0)/\(name)" }.first(where: isExecutable)
    }

    private static func isExecutable(_ path: String) -> Bool {
        var entry = stat()
        return stat(path, &entry) == 0 && entry.st_mode & S_IFMT == S_IFREG && access(path, X_OK) == 0
    }
}
