extension ByteWriter {
    /// A field table (AMQP 0-9-1, section 4.2.5.5, with RabbitMQ's type letters).
    mutating func write(_ table: [String: AMQPValue], depth: Int = 0) throws(AMQPError) {
        let start = count
        write(UInt32(0))
        for (name, value) in table {
            try writeShort(name)
            try write(value, depth: depth)
        }
        try close(from: start)
    }

    private mutating func write(_ value: AMQPValue, depth: Int) throws(AMQPError) {
        // The limit of librabbitmq's own reader, so that our peers can read it too.
        guard depth < 100 else { throw AMQPError(.tooLarge, "headers are nested more than 100 deep") }
        switch value {
        case .bool(let flag):
            letter("t")
            write(flag ? UInt8(1) : 0)
        case .int(let number):
            letter("l")
            write(UInt64(bitPattern: number))
        case .double(let number):
            letter("d")
            write(number.bitPattern)
        case .string(let text):
            letter("S")
            try writeLong(text.utf8)
        case .bytes(let raw):
            letter("x")
            try writeLong(raw)
        case .timestamp(let seconds):
            letter("T")
            write(seconds)
        case .decimal(let scale, let number):
            letter("D")
            write(scale)
            write(number)
        case .array(let values):
            letter("A")
            let start = count
            write(UInt32(0))
            for element in values { try write(element, depth: depth + 1) }
            try close(from: start)
        case .table(let fields):
            letter("F")
            try write(fields, depth: depth + 1)
        case .void:
            letter("V")
        }
    }

    private mutating func letter(_ scalar: Unicode.Scalar) { write(UInt8(ascii: scalar)) }

    private mutating func close(from start: Int) throws(AMQPError) {
        guard let length = UInt32(exactly: count - start - 4) else {
            throw AMQPError(.tooLarge, "headers are over 4 GiB")
        }
        patch(length, at: start)
    }
}
