/// Reads the fields of a frame one after the other, in AMQP's big-endian forms, and never beyond its end.
struct FieldReader {
    /// What is left.
    private(set) var rest: UnsafeRawBufferPointer

    init(_ bytes: UnsafeRawBufferPointer) { rest = bytes }

    mutating func byte() throws(AMQPError) -> UInt8 { try integer() }
    mutating func short() throws(AMQPError) -> UInt16 { try integer() }
    mutating func word() throws(AMQPError) -> UInt32 { try integer() }
    mutating func long() throws(AMQPError) -> UInt64 { try integer() }

    private mutating func integer<Value: FixedWidthInteger & BitwiseCopyable>() throws(AMQPError) -> Value {
        let size = MemoryLayout<Value>.size
        guard rest.count >= size else { throw Self.cut }
        defer { rest = UnsafeRawBufferPointer(rebasing: rest[size...]) }
        return Value(bigEndian: rest.loadUnaligned(as: Value.self))
    }

    /// The bytes of a short text, after its length.
    mutating func text() throws(AMQPError) -> UnsafeRawBufferPointer {
        let size = Int(try byte())
        guard rest.count >= size else { throw Self.cut }
        defer { rest = UnsafeRawBufferPointer(rebasing: rest[size...]) }
        return UnsafeRawBufferPointer(rebasing: rest[..<size])
    }

    mutating func skip(_ count: Int) throws(AMQPError) {
        guard rest.count >= count else { throw Self.cut }
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }

    private static var cut: AMQPError {
        AMQPError(.connectionLost, "the broker broke the protocol: a frame ends in the middle of a field")
    }
}

/// A text that is usually the same as the time before, such as the exchange of deliveries: it is then made only once.
struct RepeatedText {
    private var text = ""

    /// What is not UTF-8 is replaced, as nothing of ours depends on it.
    mutating func read(_ bytes: UnsafeRawBufferPointer) -> String {
        // Up to 15 bytes a String needs no memory of its own.
        if bytes.count > 15, bytes.count == text.utf8.count, isSame(bytes) { return text }
        let new = String(decoding: bytes, as: UTF8.self)
        if bytes.count > 15 { text = new }
        return new
    }

    private func isSame(_ bytes: UnsafeRawBufferPointer) -> Bool {
        text.utf8.withContiguousStorageIfAvailable { UnsafeRawBufferPointer($0).elementsEqual(bytes) } ?? false
    }
}
