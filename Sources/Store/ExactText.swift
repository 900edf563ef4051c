/// A string that equals another only if their UTF-8 bytes are the same, and is ordered by them, as databases do it.
struct ExactText: Hashable, Comparable {
    let text: String

    init(_ text: String) { self.text = text }

    static func == (left: ExactText, right: ExactText) -> Bool { left.text.isExactly(right.text) }
    static func < (left: ExactText, right: ExactText) -> Bool {
        left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
    }

    func hash(into hasher: inout Hasher) { text.hashExactly(into: &hasher) }
}

extension String {
    /// Whether two strings have the same UTF-8 bytes. What differs by Swift's rule does so by this one, too.
    func isExactly(_ other: String) -> Bool { self == other && utf8.elementsEqual(other.utf8) }

    func hashExactly(into hasher: inout Hasher) {
        var copy = self
        copy.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        // Ends the text, so that ("ab", "c") and ("a", "bc") differ.
        hasher.combine(0xFF as UInt8)
    }
}
