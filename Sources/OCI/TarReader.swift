internal import Files
internal import CArchive
internal import Glibc

/// The entries of a layer's tar file, one after the other.
final class TarReader {
    private let archive: OpaquePointer
    private let stream: LayerStream
    private let localeBefore: locale_t?

    init(_ stream: LayerStream) throws {
        guard let archive = archive_read_new() else { throw FileError("cannot read an archive", errno: ENOMEM) }
        self.archive = archive
        self.stream = stream
        localeBefore = execbus_use_utf8_names()
        archive_read_support_format_tar(archive)
        archive_read_support_format_empty(archive)
        let source = Unmanaged.passUnretained(stream).toOpaque()
        guard archive_read_open(archive, source, nil, readNextBlock, nil) == ARCHIVE_OK else { throw damage() }
    }

    deinit {
        archive_read_free(archive)
        execbus_restore_names(localeBefore)
    }

    /// The next entry; nil at the end.
    func next() throws -> TarEntry? {
        var entry: OpaquePointer?
        switch archive_read_next_header(archive, &entry) {
        // A warning is about something that does not matter for unpacking, unless it cost the name: see TarEntry.
        case ARCHIVE_OK, ARCHIVE_WARN:
            guard let entry else { throw damage() }
            return try TarEntry(entry)
        case ARCHIVE_EOF: return nil
        default: throw damage()
        }
    }

    /// The contents of the current entry: pieces with their place in the file. What lies between them is zero.
    func forEachBlock(_ body: (UnsafeRawBufferPointer, Int64) throws -> Void) throws {
        while true {
            var bytes: UnsafeRawPointer?
            var count = 0
            var offset: Int64 = 0
            switch archive_read_data_block(archive, &bytes, &count, &offset) {
            case ARCHIVE_OK: try body(UnsafeRawBufferPointer(start: bytes, count: count), offset)
            case ARCHIVE_EOF: return
            default: throw damage()
            }
        }
    }

    private func damage() -> any Error {
        stream.failure ?? OCIError(.damagedArchive, "a layer is no readable tar file: \(archive.lastMessage)")
    }
}

/// Gives libarchive the next bytes of the stream behind `source`.
private func readNextBlock(
    _: OpaquePointer?, source: UnsafeMutableRawPointer?, block: UnsafeMutablePointer<UnsafeRawPointer?>?
) -> Int {
    guard let source, let block,
        let bytes = Unmanaged<LayerStream>.fromOpaque(source).takeUnretainedValue().next()
    else { return Int(ARCHIVE_FATAL) }
    block.pointee = bytes.baseAddress
    return bytes.count
}

/// What one entry of a layer asks for.
struct TarEntry {
    enum Kind: Hashable {
        case file(size: Int64)
        case folder
        case symbolicLink(target: String)
        case hardLink(target: String)
        case pipe
    }

    let name: String
    let kind: Kind
    let owner: uid_t
    let group: gid_t
    /// Permissions with the set-user, set-group and sticky bits.
    let mode: mode_t
    let modified: timespec
    let attributes: [(name: String, value: [UInt8])]

    init(_ entry: OpaquePointer) throws {
        guard let name = archive_entry_pathname(entry) else {
            throw OCIError(.damagedArchive, "a layer has an entry whose name cannot be read")
        }
        self.name = String(cString: name)
        guard self.name.utf8.elementsEqual(UnsafeRawBufferPointer(start: name, count: strlen(name))) else {
            throw OCIError(.unsupported, "a layer has a name that is not UTF-8: \(self.name)")
        }
        kind = try TarEntry.kind(of: entry, self.name)
        owner = uid_t(truncatingIfNeeded: archive_entry_uid(entry))
        group = gid_t(truncatingIfNeeded: archive_entry_gid(entry))
        mode = archive_entry_perm(entry) & 0o7777
        modified = timespec(tv_sec: archive_entry_mtime(entry), tv_nsec: Int(archive_entry_mtime_nsec(entry)))
        attributes = TarEntry.attributes(of: entry)
    }

    private static func kind(of entry: OpaquePointer, _ name: String) throws -> Kind {
        if let target = archive_entry_hardlink(entry) { return .hardLink(target: String(cString: target)) }
        switch archive_entry_filetype(entry) {
        case S_IFREG: return .file(size: archive_entry_size(entry))
        case S_IFDIR: return .folder
        case S_IFIFO: return .pipe
        case S_IFLNK:
            guard let target = archive_entry_symlink(entry) else {
                throw OCIError(.damagedArchive, "a layer has a symbolic link without a target: \(name)")
            }
            return .symbolicLink(target: String(cString: target))
        case S_IFCHR, S_IFBLK: throw OCIError(.unsupported, "a layer has a device, which is refused: \(name)")
        default: throw OCIError(.unsupported, "a layer has an entry of a kind that is refused: \(name)")
        }
    }

    /// The extended attributes that are kept. Others steer the kernel (overlays, access control) and are not the
    /// image's to set.
    private static func attributes(of entry: OpaquePointer) -> [(name: String, value: [UInt8])] {
        guard archive_entry_xattr_reset(entry) > 0 else { return [] }
        var kept: [(name: String, value: [UInt8])] = []
        var name: UnsafePointer<CChar>?
        var value: UnsafeRawPointer?
        var size = 0
        while archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK {
            guard let name else { continue }
            let text = String(cString: name)
            guard text.hasPrefix("user.") || text == "security.capability" else { continue }
            kept.append((text, Array(UnsafeRawBufferPointer(start: value, count: value == nil ? 0 : size))))
        }
        return kept
    }
}
