/// Bytes on their way out, in AMQP's big-endian forms.
struct ByteWriter: Sendable {
    private(set) var bytes: [UInt8] = []

    var count: Int { bytes.count }

    mutating func write(_ value: UInt8) { bytes.append(value) }
    mutating func write(_ value: UInt16) { append(value.bigEndian) }
    mutating func write(_ value: UInt32) { append(value.bigEndian) }
    mutating func write(_ value: UInt64) { append(value.bigEndian) }

    private mutating func append<Value: FixedWidthInteger>(_ value: Value) {
        withUnsafeBytes(of: value) { bytes.append(contentsOf: $0) }
    }

    mutating func write(_ raw: ArraySlice<UInt8>) { bytes.append(contentsOf: raw) }
    mutating func write(_ raw: [UInt8]) { bytes.append(contentsOf: raw) }

    /// A text of at most 255 bytes.
    mutating func writeShort(_ text: String) throws(AMQPError) {
        let utf8 = text.utf8
        guard let count = UInt8(exactly: utf8.count) else {
            throw AMQPError(.tooLarge, "a name or property of \(utf8.count) bytes is too long: AMQP allows 255 bytes")
        }
        write(count)
        bytes.append(contentsOf: utf8)
    }

    mutating func writeLong(_ raw: some Collection<UInt8>) throws(AMQPError) {
        guard let count = UInt32(exactly: raw.count) else { throw AMQPError(.tooLarge, "a header is over 4 GiB") }
        write(count)
        bytes.append(contentsOf: raw)
    }

    /// Puts `value` where four bytes were left for it.
    mutating func patch(_ value: UInt32, at index: Int) {
        patch(UInt16(truncatingIfNeeded: value >> 16), at: index)
        patch(UInt16(truncatingIfNeeded: value), at: index + 2)
    }

    /// Puts `value` where two bytes were left for it.
    mutating func patch(_ value: UInt16, at index: Int) {
        bytes[index] = UInt8(truncatingIfNeeded: value >> 8)
        bytes[index + 1] = UInt8(truncatingIfNeeded: value)
    }

    /// Takes back what was written since `count` was this.
    mutating func truncate(to count: Int) { bytes.removeSubrange(count...) }

    /// Empties it; keeps the memory unless it has grown past what ordinary traffic needs.
    mutating func clear() { bytes.removeAll(keepingCapacity: bytes.capacity <= 1 << 20) }
}

extension [UInt8] {
    /// Lends the bytes from `start` on.
    func withBytes<Value>(
        from start: Int, _ body: (UnsafeRawBufferPointer) throws(AMQPError) -> Value
    ) throws(AMQPError) -> Value {
        try withUnsafeBufferPointer { buffer throws(AMQPError) in
            try body(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[start...]))
        }
    }
}
