/// The name of an image: `[host[:port]/]name[:tag][@sha256:hex]`.
///
/// Where both a tag and a digest are given the digest decides; where neither is, the tag is `latest`.
package struct ImageReference: Sendable, Hashable, CustomStringConvertible {
    /// The registry with its port, where one is named.
    package let host: String?
    /// The repository, such as `srcnet/notebook`.
    package let name: String
    /// The tag as written.
    package let tag: String?
    /// The digest as written.
    package let digest: Digest?

    /// The tag that counts where there is no digest.
    package var effectiveTag: String { tag ?? "latest" }

    /// `name:tag` without host and digest: how an image layout names it.
    package var nameAndTag: String { "\(name):\(effectiveTag)" }

    package var description: String {
        (host.map { "\($0)/" } ?? "") + name + (tag.map { ":\($0)" } ?? "") + (digest.map { "@\($0)" } ?? "")
    }

    /// Reads a reference; an error says which part is wrong.
    package init(parsing text: String) throws(OCIError) {
        func invalid(_ why: String) -> OCIError {
            OCIError(.invalidReference, "'\(text)' is no image reference: \(why)")
        }
        guard text.utf8.count <= 1024 else {
            throw OCIError(.invalidReference, "an image reference of over 1,024 bytes")
        }

        var rest = Substring(text)
        if let at = rest.firstIndex(of: "@") {
            digest = try Digest(parsing: String(rest[rest.index(after: at)...]))
            rest = rest[..<at]
        } else {
            digest = nil
        }

        // A colon after the last slash starts the tag; one before it belongs to the host's port.
        let lastSlash = rest.lastIndex(of: "/")
        if let colon = rest.lastIndex(of: ":"), lastSlash.map({ colon > $0 }) ?? true {
            let tag = String(rest[rest.index(after: colon)...])
            guard ImageReference.isTag(tag) else { throw invalid("'\(tag)' is no tag") }
            self.tag = tag
            rest = rest[..<colon]
        } else {
            tag = nil
        }

        // As everywhere in this ecosystem: a first part with a dot or a port, or `localhost`, is a host.
        if let slash = rest.firstIndex(of: "/"), ImageReference.looksLikeHost(rest[..<slash]) {
            let host = String(rest[..<slash])
            guard ImageReference.isHost(host) else { throw invalid("'\(host)' is no host") }
            self.host = host
            rest = rest[rest.index(after: slash)...]
        } else {
            host = nil
        }
        guard ImageReference.isName(rest) else { throw invalid("'\(rest)' is no repository name") }
        name = String(rest)
    }

    private static func looksLikeHost(_ part: Substring) -> Bool {
        part == "localhost" || part.contains(".") || part.contains(":")
    }

    private static func isHost(_ text: String) -> Bool {
        var name = Substring(text)
        if let colon = text.lastIndex(of: ":"), !text.hasSuffix("]") {
            let port = text[text.index(after: colon)...]
            guard port.utf8.allSatisfy(isDigit), let number = UInt16(port), number > 0 else { return false }
            name = text[..<colon]
        }
        if name.hasPrefix("["), name.hasSuffix("]") {
            let address = name.dropFirst().dropLast().utf8
            return !address.isEmpty
                && address.allSatisfy { isDigit($0) || (97...102).contains($0 | 0x20) || $0 == UInt8(ascii: ":") }
        }
        return name.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
            !label.isEmpty && !label.hasPrefix("-") && !label.hasSuffix("-")
                && label.utf8.allSatisfy { isLower($0 | 0x20) || isDigit($0) || $0 == UInt8(ascii: "-") }
        }
    }

    /// Distribution specification, Pulling manifests: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.
    private static func isTag(_ text: String) -> Bool {
        guard (1...128).contains(text.utf8.count), let first = text.utf8.first else { return false }
        let isWord = { (byte: UInt8) in isLower(byte | 0x20) || isDigit(byte) || byte == UInt8(ascii: "_") }
        return isWord(first)
            && text.utf8.allSatisfy { isWord($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") }
    }

    /// Distribution specification, Pulling manifests: parts of `[a-z0-9]+` joined by `.`, `_`, `__` or hyphens.
    private static func isName(_ text: Substring) -> Bool {
        guard (1...255).contains(text.utf8.count) else { return false }
        return text.split(separator: "/", omittingEmptySubsequences: false).allSatisfy(isNamePart)
    }

    private static func isNamePart(_ part: Substring) -> Bool {
        var separator: [UInt8] = []
        var seenLetter = false
        for byte in part.utf8 {
            if isLower(byte) || isDigit(byte) {
                guard separator.isEmpty || (seenLetter && isSeparator(separator)) else { return false }
                separator = []
                seenLetter = true
            } else {
                separator.append(byte)
            }
        }
        return seenLetter && separator.isEmpty
    }

    private static func isSeparator(_ bytes: [UInt8]) -> Bool {
        bytes == Array(".".utf8) || bytes == Array("_".utf8) || bytes == Array("__".utf8)
            || bytes.allSatisfy { $0 == UInt8(ascii: "-") }
    }

    private static func isLower(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) }
    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
}
