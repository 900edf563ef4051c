internal import Files
internal import CLinux
internal import Glibc

/// The folder that a layer is unpacked into, and the only way to reach anything in it.
///
/// Names from a layer are taken apart first (`parts`), then the kernel resolves the folder that holds the entry under
/// RESOLVE_BENEATH: a symbolic link on the way that is absolute or climbs out is an error, no matter when it was made.
/// The last part of a name is never followed.
///
/// `Folder` alone would not do: links that stay inside are an image's good right, and so is any name that Linux takes.
struct RootFolder: ~Copyable {
    private let root: Folder

    init(_ path: String) throws(FileError) { root = try Folder(path) }

    /// The parts of an entry's name; none for the root itself. Absolute names and `..` are refused, as is a name that
    /// is no whiteout's but passes through one.
    static func parts(of name: String) throws(OCIError) -> [String] {
        guard !name.hasPrefix("/") else { throw OCIError(.unsafePath, "a layer has an absolute name: \(name)") }
        let parts = name.split(separator: "/").filter { $0 != "." }.map(String.init)
        guard !parts.contains("..") else { throw OCIError(.unsafePath, "a layer has a name with '..': \(name)") }
        guard !parts.dropLast().contains(where: { $0.hasPrefix(".wh.") }) else {
            throw OCIError(.unsafePath, "a layer has a name below a whiteout: \(name)")
        }
        return parts
    }

    /// Refuses a relative link that climbs higher than the root. An absolute one means the container's own root and
    /// leads out only for programs that follow it from outside, which nothing here does.
    static func checkLink(at parts: [String], to target: String) throws(OCIError) {
        guard !target.hasPrefix("/") else { return }
        var depth = parts.count - 1
        for part in target.split(separator: "/") where part != "." {
            depth += part == ".." ? -1 : 1
            guard depth >= 0 else {
                throw OCIError(
                    .unsafePath, "a layer has a link that leaves the root: \(parts.joined(separator: "/")) -> \(target)"
                )
            }
        }
    }

    /// Opens a folder in the root.
    /// - Parameter making: whether missing folders are made (0755, as image builders expect).
    func folder(_ parts: [String], making: Bool) throws -> Folder {
        if let folder = try existingFolder(parts) { return folder }
        guard making, let name = parts.last else {
            throw OCIError(.notFound, "the layer names a folder that is not there: \(parts.joined(separator: "/"))")
        }
        let parent = try folder(Array(parts.dropLast()), making: true)
        guard mkdirat(parent.file.descriptor, name, 0o755) == 0 || errno == EEXIST else {
            throw FileError("cannot make the folder \(parts.joined(separator: "/"))")
        }
        guard let folder = try existingFolder(parts) else {
            throw OCIError(.unsafePath, "a layer writes through a link to nowhere: \(parts.joined(separator: "/"))")
        }
        return folder
    }

    /// nil where there is no such folder.
    func existingFolder(_ parts: [String]) throws -> Folder? {
        let name = parts.isEmpty ? "." : parts.joined(separator: "/")
        let flags = UInt64(O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        // EAGAIN: somebody renamed something meanwhile and the kernel could not be sure; openat2(2) says try again.
        for _ in 0..<16 {
            let descriptor = execbus_openat2(
                root.file.descriptor, name, flags, 0, UInt64(RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS))
            if descriptor >= 0 { return Folder(try OpenFile(descriptor, name, "")) }
            switch errno {
            case EAGAIN, EINTR: continue
            case ENOENT: return nil
            case EXDEV, ELOOP:
                throw OCIError(.unsafePath, "a layer writes through a link that leaves the root: \(name)")
            case ENOTDIR: throw OCIError(.malformed, "a layer uses as a folder what is none: \(name)")
            case ENOSYS: throw FileError("openat2 is needed (Linux 5.6 or newer)")
            default: throw FileError("cannot open the folder \(name)")
            }
        }
        throw FileError("cannot open the folder \(name)")
    }
}
