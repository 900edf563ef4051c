internal import Files
internal import CArchive
internal import Digests
internal import Glibc

/// The tar file inside a layer blob: decompressed, and hashed on its way, so that the unpacked bytes are known to be
/// the image's.
///
/// Two libarchive readers stand behind each other: this one decompresses and knows nothing of tar; `TarReader` knows
/// tar and nothing of compression, so that a tar file cannot hide a second compression in itself.
final class LayerStream {
    private let archive: OpaquePointer
    private let blob: OpenFile
    private let path: String
    private var hash = SHA256()
    private let context: WorkContext
    private let progress: (Int64) -> Void
    private var reported: Int64 = 0
    /// Bytes of the tar file so far.
    private(set) var size: Int64 = 0
    /// Why reading ended, where it was not at the end. libarchive's callbacks cannot throw.
    private(set) var failure: (any Error)?

    /// - Parameter progress: gets the compressed bytes that have been used, once for each mebibyte.
    init(
        path: String, compression: LayerCompression, context: WorkContext, progress: @escaping (Int64) -> Void
    ) throws {
        guard let archive = archive_read_new() else { throw FileError("cannot read an archive", errno: ENOMEM) }
        self.archive = archive
        self.path = path
        self.context = context
        self.progress = progress
        do {
            blob = try OpenFile(reading: path)
        } catch {
            archive_read_free(archive)
            throw error
        }
        switch compression {
        case .none: archive_read_support_filter_none(archive)
        case .gzip: archive_read_support_filter_gzip(archive)
        case .zstd: archive_read_support_filter_zstd(archive)
        }
        archive_read_support_format_raw(archive)
        archive_read_support_format_empty(archive)
        var entry: OpaquePointer?
        guard archive_read_open_fd(archive, blob.descriptor, 1 << 18) == ARCHIVE_OK,
            [ARCHIVE_OK, ARCHIVE_EOF].contains(archive_read_next_header(archive, &entry))
        else { throw damage() }
    }

    deinit { archive_read_free(archive) }

    /// The next bytes of the tar file; they are valid until the next call. Empty at the end, nil after a failure.
    func next() -> UnsafeRawBufferPointer? {
        var bytes: UnsafeRawPointer?
        var count = 0
        var offset: Int64 = 0
        do {
            try context.check()
        } catch {
            failure = error
            return nil
        }
        switch archive_read_data_block(archive, &bytes, &count, &offset) {
        case ARCHIVE_EOF: return UnsafeRawBufferPointer(start: nil, count: 0)
        case ARCHIVE_OK:
            let block = UnsafeRawBufferPointer(start: bytes, count: count)
            hash.update(block)
            size += Int64(count)
            let used = archive_filter_bytes(archive, -1)
            if used - reported >= 1 << 20 {
                reported = used
                progress(used)
            }
            return block
        default:
            failure = damage()
            return nil
        }
    }

    /// Reads what is left after the tar file's end and gives the digest of the whole, to be compared with the diff_id.
    func finish() throws -> Digest {
        while let block = next() {
            if block.isEmpty { return Digest(hash) }
        }
        throw failure ?? damage()
    }

    private func damage() -> OCIError {
        OCIError(.damagedArchive, "the layer \(path) cannot be read: \(archive.lastMessage)")
    }
}

extension OpaquePointer {
    /// libarchive's words for the last failure of this reader.
    var lastMessage: String { archive_error_string(self).map { String(cString: $0) } ?? "unknown reason" }
}
