extension ByteWriter {
    /// Bytes around the payload of each frame: type, channel, size, end mark.
    static let frameOverhead = 8

    /// The last byte of each frame.
    static let frameEnd: UInt8 = 206

    /// One frame whose payload is what `payload` writes.
    private mutating func frame(
        type: UInt8, channel: UInt16, _ payload: (inout ByteWriter) throws(AMQPError) -> Void
    ) throws(AMQPError) {
        write(type)
        write(channel)
        let size = count
        write(UInt32(0))
        try payload(&self)
        patch(UInt32(count - size - 4), at: size)
        write(Self.frameEnd)
    }

    /// A method frame.
    mutating func method(
        _ method: MethodID, channel: UInt16, _ arguments: (inout ByteWriter) throws(AMQPError) -> Void = { _ in }
    ) throws(AMQPError) {
        try frame(type: 1, channel: channel) { writer throws(AMQPError) in
            writer.write(method.rawValue)
            try arguments(&writer)
        }
    }

    /// A sign of life, when nothing else was sent for a while.
    mutating func heartbeat() {
        write(UInt8(8))
        write(UInt16(0))
        write(UInt32(0))
        write(Self.frameEnd)
    }

    /// Method, header and body frames of one publish. After an error nothing of it is left behind.
    mutating func publish(_ message: AMQPMessage, channel: UInt16, maxFrame: Int) throws(AMQPError) {
        let start = count
        do throws(AMQPError) {
            try method(.basicPublish, channel: channel) { writer throws(AMQPError) in
                writer.write(UInt16(0))
                try writer.writeShort(message.exchange)
                try writer.writeShort(message.routingKey)
                writer.write(message.isMandatory ? UInt8(1) : 0)
            }
            let header = count
            try frame(type: 2, channel: channel) { writer throws(AMQPError) in
                writer.write(UInt16(60))
                writer.write(UInt16(0))
                writer.write(UInt64(message.body.count))
                try writer.write(message.properties)
            }
            guard count - header <= maxFrame else {
                throw AMQPError(
                    .tooLarge, "the headers take \(count - header) bytes; all of them together must fit \(maxFrame)")
            }
        } catch {
            truncate(to: start)
            throw error
        }
        body(message.body, channel: channel, maxFrame: maxFrame)
    }

    private mutating func body(_ bytes: [UInt8], channel: UInt16, maxFrame: Int) {
        let piece = maxFrame - Self.frameOverhead
        var offset = 0
        while offset < bytes.count {
            let end = min(offset + piece, bytes.count)
            write(UInt8(3))
            write(channel)
            write(UInt32(end - offset))
            if end - offset == bytes.count { write(bytes) } else { write(bytes[offset..<end]) }
            write(Self.frameEnd)
            offset = end
        }
    }

    /// A property list: a bit for each that is present, then their values in this order.
    private mutating func write(_ properties: AMQPProperties) throws(AMQPError) {
        let flags = count
        var present: UInt16 = 0
        write(present)
        if let text = properties.contentType { present |= 1 << 15; try writeShort(text) }
        if let text = properties.contentEncoding { present |= 1 << 14; try writeShort(text) }
        if !properties.headers.isEmpty { present |= 1 << 13; try write(properties.headers) }
        if properties.isPersistent { present |= 1 << 12; write(UInt8(2)) }
        if let priority = properties.priority { present |= 1 << 11; write(priority) }
        if let text = properties.correlationID { present |= 1 << 10; try writeShort(text) }
        if let text = properties.replyTo { present |= 1 << 9; try writeShort(text) }
        if let text = properties.expiration { present |= 1 << 8; try writeShort(text) }
        if let text = properties.messageID { present |= 1 << 7; try writeShort(text) }
        if let seconds = properties.timestamp { present |= 1 << 6; write(seconds) }
        if let text = properties.type { present |= 1 << 5; try writeShort(text) }
        if let text = properties.userID { present |= 1 << 4; try writeShort(text) }
        if let text = properties.appID { present |= 1 << 3; try writeShort(text) }
        patch(present, at: flags)
    }
}
