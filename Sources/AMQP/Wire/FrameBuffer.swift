/// A frame as it stands on the wire. The payload is valid until more is read.
struct RawFrame {
    static let method: UInt8 = 1
    static let header: UInt8 = 2
    static let body: UInt8 = 3
    static let heartbeat: UInt8 = 8

    let type: UInt8
    let channel: UInt16
    let payload: UnsafeRawBufferPointer
}

/// What has arrived and is not handled yet; cut into frames (AMQP 0-9-1, section 2.3.5).
final class FrameBuffer {
    /// What is read at once, at least.
    private static let readSize = 131_072

    private var bytes: UnsafeMutableRawBufferPointer
    private var head = 0
    private var tail = 0
    /// The largest frame that is allowed, in bytes: RabbitMQ's own limit until both sides have agreed on one.
    private var maxFrame = 131_072
    /// The very first byte, which tells what is no RabbitMQ.
    private(set) var firstByte: UInt8?

    init() { bytes = .allocate(byteCount: Self.readSize + maxFrame, alignment: 16) }

    deinit { bytes.deallocate() }

    /// What both sides have agreed on.
    func limitFrames(to maxFrame: Int) {
        self.maxFrame = maxFrame
        let size = Self.readSize + maxFrame
        guard size > bytes.count else { return }
        let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 16)
        larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[head..<tail]))
        bytes.deallocate()
        bytes = larger
        (head, tail) = (0, tail - head)
    }

    /// Where to read to. Everything whole must have been taken out.
    var room: UnsafeMutableRawBufferPointer {
        if head > 0 {
            let left = UnsafeRawBufferPointer(rebasing: bytes[head..<tail])
            bytes.copyMemory(from: left)
            (head, tail) = (0, left.count)
        }
        return UnsafeMutableRawBufferPointer(rebasing: bytes[tail...])
    }

    /// Notes that so much was read.
    func filled(_ count: Int) {
        if firstByte == nil, count > 0 { firstByte = bytes[0] }
        tail += count
    }

    /// The next whole frame; `nil` where more has to be read.
    func next() throws(AMQPError) -> RawFrame? {
        let available = UnsafeRawBufferPointer(rebasing: bytes[head..<tail])
        guard let type = available.first else { return nil }
        guard type >= RawFrame.method && type <= RawFrame.body || type == RawFrame.heartbeat else {
            throw Self.fault("a frame of type \(type)")
        }
        guard available.count >= 7 else { return nil }
        var reader = FieldReader(UnsafeRawBufferPointer(rebasing: available[1...]))
        let channel = try reader.short()
        let size = Int(try reader.word())
        guard size <= maxFrame - ByteWriter.frameOverhead else { throw Self.fault("a frame of \(size) bytes") }
        guard reader.rest.count > size else { return nil }
        guard reader.rest[size] == ByteWriter.frameEnd else { throw Self.fault("a frame without its end") }
        head += size + ByteWriter.frameOverhead
        return RawFrame(
            type: type, channel: channel, payload: UnsafeRawBufferPointer(rebasing: reader.rest[..<size]))
    }

    private static func fault(_ what: String) -> AMQPError {
        AMQPError(.connectionLost, "what arrived is not AMQP 0-9-1 (\(what)); is this RabbitMQ's port?")
    }
}
