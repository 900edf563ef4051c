/// A text in which `*` stands for any run of characters, also an empty one: `workstep.*`, `*.get`, `*`.
package struct Pattern: Sendable, Hashable, CustomStringConvertible {
    /// The pattern as it stands in the policy file.
    package let description: String
    /// What stands between the asterisks.
    private let pieces: [[UInt8]]

    package init(_ text: String) {
        description = text
        pieces = text.utf8.split(separator: UInt8(ascii: "*"), omittingEmptySubsequences: false).map(Array.init)
    }

    /// Matches everything.
    package static let anything = Pattern("*")

    /// Whether the whole of a text fits. Letters are compared as they are.
    package func matches(_ text: String) -> Bool {
        guard let first = pieces.first, let last = pieces.last else { return text.isEmpty }
        var rest = Array(text.utf8)[...]
        guard pieces.count > 1 else { return rest.elementsEqual(first) }
        guard rest.starts(with: first) else { return false }
        rest = rest.dropFirst(first.count)
        // The earliest place for each piece leaves most room for those that follow.
        for piece in pieces.dropFirst().dropLast() {
            while !rest.starts(with: piece) {
                guard !rest.isEmpty else { return false }
                rest = rest.dropFirst()
            }
            rest = rest.dropFirst(piece.count)
        }
        return rest.count >= last.count && rest.suffix(last.count).elementsEqual(last)
    }
}
