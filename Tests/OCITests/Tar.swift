import CArchive
import Glibc

/// A tar file written byte by byte, so that it can hold what no honest program would write into one.
struct Tar {
    private(set) var bytes: [UInt8] = []

    enum Kind: Character {
        case file = "0"
        case hardLink = "1"
        case symbolicLink = "2"
        case characterDevice = "3"
        case blockDevice = "4"
        case folder = "5"
        case pipe = "6"
        case extended = "x"
    }

    mutating func add(
        _ name: String, _ kind: Kind, content: [UInt8] = [], link: String = "", mode: Int = 0o644, owner: Int = 0,
        group: Int = 0, modified: Int = 1_700_000_000
    ) {
        var header = [UInt8](repeating: 0, count: 512)
        func put(_ text: String, at offset: Int, upTo limit: Int) {
            for (index, byte) in text.utf8.prefix(limit).enumerated() { header[offset + index] = byte }
        }
        func octal(_ number: Int, _ digits: Int) -> String {
            let text = String(number, radix: 8)
            return String(repeating: "0", count: max(0, digits - text.count)) + text
        }
        put(name, at: 0, upTo: 100)
        put(octal(mode, 7), at: 100, upTo: 7)
        put(octal(owner, 7), at: 108, upTo: 7)
        put(octal(group, 7), at: 116, upTo: 7)
        put(octal(content.count, 11), at: 124, upTo: 11)
        put(octal(modified, 11), at: 136, upTo: 11)
        put("        ", at: 148, upTo: 8)
        put(String(kind.rawValue), at: 156, upTo: 1)
        put(link, at: 157, upTo: 100)
        put("ustar\u{0}00", at: 257, upTo: 8)
        put(octal(header.reduce(0) { $0 + Int($1) }, 6) + "\u{0} ", at: 148, upTo: 8)
        bytes += header + content + [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
    }

    mutating func file(_ name: String, _ text: String = "text", mode: Int = 0o644, owner: Int = 0, group: Int = 0) {
        add(name, .file, content: Array(text.utf8), mode: mode, owner: owner, group: group)
    }

    mutating func folder(_ name: String, mode: Int = 0o755) { add(name, .folder, mode: mode) }
    mutating func link(_ name: String, to target: String) { add(name, .symbolicLink, link: target, mode: 0o777) }
    mutating func hardLink(_ name: String, to target: String) { add(name, .hardLink, link: target) }

    /// The extended header of the next entry (POSIX pax): long or foreign names, attributes.
    mutating func extended(_ records: [(String, String)]) {
        var content = ""
        for (key, value) in records {
            let body = " \(key)=\(value)\n"
            var length = body.utf8.count + 1
            while "\(length)".utf8.count + body.utf8.count != length { length += 1 }
            content += "\(length)\(body)"
        }
        add("PaxHeaders/next", .extended, content: Array(content.utf8))
    }

    /// With the two empty blocks that end it.
    var finished: [UInt8] { bytes + [UInt8](repeating: 0, count: 1024) }

    static func make(_ fill: (inout Tar) -> Void) -> [UInt8] {
        var tar = Tar()
        fill(&tar)
        return tar.finished
    }
}

enum Compression: CaseIterable {
    case none
    case gzip
    case zstd

    var mediaType: String {
        let plain = "application/vnd.oci.image.layer.v1.tar"
        return switch self {
        case .none: plain
        case .gzip: plain + "+gzip"
        case .zstd: plain + "+zstd"
        }
    }

    /// The bytes as this compression packs them, by libarchive's writer.
    func pack(_ bytes: [UInt8]) -> [UInt8] {
        guard self != .none, let archive = archive_write_new() else { return bytes }
        defer { archive_write_free(archive) }
        var packed = [UInt8](repeating: 0, count: bytes.count + 65536)
        var used = 0
        _ = self == .gzip ? archive_write_add_filter_gzip(archive) : archive_write_add_filter_zstd(archive)
        archive_write_set_format_raw(archive)
        packed.withUnsafeMutableBytes { buffer in
            archive_write_open_memory(archive, buffer.baseAddress, buffer.count, &used)
            let entry = archive_entry_new()
            archive_entry_set_filetype(entry, 0o100_000)
            archive_write_header(archive, entry)
            _ = bytes.withUnsafeBytes { archive_write_data(archive, $0.baseAddress, $0.count) }
            archive_entry_free(entry)
            archive_write_close(archive)
        }
        return Array(packed.prefix(used))
    }
}

extension Tar {
    /// Makes the first header's checksum wrong.
    mutating func damage() { bytes[150] ^= 1 }
}
