import Testing

@testable import AMQP

@Suite("Frames from the wire")
struct FrameTests {
    /// What came out of a frame.
    private struct Frame: Hashable {
        var type: UInt8
        var channel: UInt16
        var payload: [UInt8]
    }

    /// Reads bytes in pieces of this size; all frames that came of it.
    private func read(_ bytes: [UInt8], piecesOf size: Int, into buffer: FrameBuffer) throws(AMQPError) -> [Frame] {
        var frames: [Frame] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let room = buffer.room
            let piece = rest.prefix(min(size, room.count))
            room.copyBytes(from: piece)
            rest = rest.dropFirst(piece.count)
            buffer.filled(piece.count)
            while let frame = try buffer.next() {
                frames.append(Frame(type: frame.type, channel: frame.channel, payload: Array(frame.payload)))
            }
        }
        return frames
    }

    private var message: AMQPMessage {
        AMQPMessage(
            exchange: "an exchange with a long name", routingKey: "a.key.that.is.long",
            properties: AMQPProperties(
                contentType: "application/json", contentEncoding: "utf-8",
                headers: ["text": "ä", "table": .table(["list": .array([1, true, .void])])], isPersistent: true,
                priority: 3, correlationID: "c", replyTo: "a queue with a long name", expiration: "1000",
                messageID: "a3d0c5c2-6d3e-4b6f-9a51-0d7f3f2b8c11", timestamp: 7, type: "srcnet.offer.request.v1",
                userID: "execution-broker.caen", appID: "execution-broker.caen/1"),
            body: (0..<300).map { UInt8(truncatingIfNeeded: $0) })
    }

    private func framed(_ message: AMQPMessage) throws -> [UInt8] {
        var writer = ByteWriter()
        try writer.publish(message, channel: 5, maxFrame: 4096)
        writer.heartbeat()
        try writer.acknowledge(9, multiple: true, channel: 7)
        return writer.bytes
    }

    @Test
    func `frames are put together wherever they are cut`() throws {
        let bytes = try framed(message)
        let whole = try read(bytes, piecesOf: bytes.count, into: FrameBuffer())
        #expect(whole.map(\.type) == [1, 2, 3, 8, 1])
        #expect(whole.map(\.channel) == [5, 5, 5, 0, 7])
        #expect(whole[2].payload == message.body)
        for size in 1..<bytes.count {
            #expect(try read(bytes, piecesOf: size, into: FrameBuffer()) == whole)
        }
    }

    @Test
    func `a frame of the largest size that was agreed on fits, also behind the beginning of another`() throws {
        let buffer = FrameBuffer()
        buffer.limitFrames(to: 1 << 20)
        var writer = ByteWriter()
        let large = AMQPMessage(
            exchange: "", routingKey: "q", body: [UInt8](repeating: 1, count: (1 << 20) - ByteWriter.frameOverhead))
        for _ in 0..<3 { try writer.publish(large, channel: 1, maxFrame: 1 << 20) }
        let frames = try read(writer.bytes, piecesOf: 99_991, into: buffer)
        #expect(frames.filter { $0.type == 3 }.map(\.payload.count) == [1_048_568, 1_048_568, 1_048_568])
    }

    @Test(
        arguments: [
            Array("HTTP/1.1 400 Bad Request\r\n".utf8), Array("AMQP\u{0}\u{1}\u{0}\u{0}".utf8),
            [0x15, 3, 3, 0, 2, 2, 40],
            // A size over the limit, and a frame without its end.
            [1, 0, 0, 0x7f, 0xff, 0xff, 0xff], [8, 0, 0, 0, 0, 0, 0, 0],
        ] as [[UInt8]])
    func `what is no frame is refused`(bytes: [UInt8]) {
        let error = #expect(throws: AMQPError.self) { try read(bytes, piecesOf: 3, into: FrameBuffer()) }
        #expect(error?.code == .connectionLost)
    }

    /// The properties in the payload of a header frame.
    private func properties(
        _ payload: [UInt8], _ reader: inout PropertyReader, _ decoder: MethodDecoder
    ) throws(AMQPError) -> AMQPProperties {
        try payload.withBytes(from: 12) { bytes throws(AMQPError) in
            var fields = FieldReader(bytes)
            return try reader.read(&fields, decoder)
        }
    }

    @Test
    func `properties are read as they were written, whichever are there`() throws {
        var generator = SeededGenerator(seed: 4)
        var reader = PropertyReader()
        let decoder = MethodDecoder()
        for _ in 0..<500 {
            var message = message
            func chance() -> Bool { Bool.random(using: &generator) }
            if chance() { message.properties.contentType = chance() ? nil : "application/problem+json" }
            if chance() {
                message.properties.headers =
                    chance() ? [:] : ["n": .int(Int64.random(in: .min ... .max, using: &generator))]
            }
            if chance() { message.properties.isPersistent = false }
            if chance() { message.properties.priority = nil }
            if chance() { message.properties.replyTo = chance() ? nil : "a queue with a name as long" }
            if chance() { message.properties.messageID = chance() ? nil : "" }
            if chance() { message.properties.timestamp = nil }
            if chance() { message.properties.type = chance() ? nil : "srcnet.offer.accept.v1" }
            if chance() { message.properties.userID = nil }
            let frames = try read(framed(message), piecesOf: 4096, into: FrameBuffer())
            #expect(try properties(frames[1].payload, &reader, decoder) == message.properties)
        }
    }

    @Test
    func `bytes that are changed at random are read or refused, and end nothing`() throws {
        var generator = SeededGenerator(seed: 11)
        let bytes = try framed(message)
        var reader = PropertyReader()
        let decoder = MethodDecoder()
        var refused = 0
        for _ in 0..<20_000 {
            var broken = bytes
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                broken[Int.random(in: broken.indices, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            do throws(AMQPError) {
                for frame in try read(broken, piecesOf: 4096, into: FrameBuffer()) {
                    switch frame.type {
                    case RawFrame.method: _ = try frame.payload.withBytes(from: 0, decoder.method)
                    case RawFrame.header where frame.payload.count >= 12:
                        _ = try properties(frame.payload, &reader, decoder)
                    default: break
                    }
                }
            } catch {
                #expect(error.code == .connectionLost)
                refused += 1
            }
        }
        #expect(refused > 1000)
    }
}
