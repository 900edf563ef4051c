internal import Wire

/// The name of an entry of a folder, as the bytes that the file system keeps: they need not be text.
package struct FileName: Sendable, Hashable, CustomStringConvertible {
    /// The bytes without the one that ends them; never `/`, never a zero.
    package let bytes: [UInt8]

    /// A name that is known to be fit to be one, such as part of a `RelativePath`.
    package init(checked bytes: [UInt8]) { self.bytes = bytes }

    /// nil where the text cannot be the name of an entry.
    package init?(_ text: String) {
        guard let path = RelativePath(text), path.parts.count == 1 else { return nil }
        self = path.last
    }

    /// The name as text, what is none replaced.
    package var description: String { String(decoding: bytes, as: UTF8.self) }

    func withCString<Value, Failure: Error>(
        _ body: (UnsafePointer<CChar>) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        let characters = bytes.map(CChar.init(bitPattern:)) + [0]
        return try characters.withUnsafeBufferPointer { (buffer) throws(Failure) -> Value in
            // An array that is not empty has an address; the empty name is refused by every system call.
            guard let start = buffer.baseAddress else { return try body("") }
            return try body(start)
        }
    }
}

/// A path below some folder: relative, without `.` and `..`, each part fit to be a file's name.
package struct RelativePath: Sendable, Hashable, Comparable, CustomStringConvertible {
    package let description: String

    /// nil where the text is no such path.
    package init?(_ text: String) {
        guard isRelativePath(text) else { return nil }
        description = text
    }

    /// Throws where the text is no such path.
    package init(checking text: String) throws(FileError) {
        guard isRelativePath(text) else {
            throw FileError(.unsafePath, "\"\(text)\" is no relative path without . and ..")
        }
        description = text
    }

    private init(checked text: String) { description = text }

    /// The names on the way; there is at least one.
    package var parts: [FileName] {
        description.utf8.split(separator: UInt8(ascii: "/")).map { FileName(checked: Array($0)) }
    }

    /// The name at its end.
    package var last: FileName {
        FileName(checked: Array(description.utf8.reversed().prefix { $0 != UInt8(ascii: "/") }.reversed()))
    }

    /// The folder that holds it; nil where that is where the path begins.
    package var parent: RelativePath? {
        description.lastIndex(of: "/").map { RelativePath(checked: String(description[..<$0])) }
    }

    /// The folders on the way to it, the outermost first.
    package var ancestors: [RelativePath] {
        parent.map { $0.ancestors + [$0] } ?? []
    }

    /// What lies at another path below this one.
    package func appending(_ other: RelativePath) -> RelativePath {
        RelativePath(checked: description + "/" + other.description)
    }

    package static func < (left: RelativePath, right: RelativePath) -> Bool { left.description < right.description }
}

/// The path that an operator or another part of this program gave, taken apart: the folder, and the name in it.
package struct EntryPath: Sendable, Hashable {
    /// The folder's path.
    package let folder: String
    package let name: FileName

    package init(_ path: String) throws(FileError) {
        let slash = path.lastIndex(of: "/")
        folder = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        guard let name = FileName(slash.map { String(path[path.index(after: $0)...]) } ?? path) else {
            throw FileError(.unsafePath, "\"\(path)\" is no path of a file in a folder")
        }
        self.name = name
    }
}
