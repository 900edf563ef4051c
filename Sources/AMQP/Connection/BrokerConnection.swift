/// A connection that is logged in, with what both sides have agreed on.
///
/// reason for @unchecked: one thread at a time. The thread that logs in hands it over to the thread of the connection
/// through a lock and never touches it again.
final class BrokerConnection: @unchecked Sendable {  // reason: see above
    let socket: BrokerSocket
    let frames: FrameBuffer
    let decoder: MethodDecoder
    let maxFrame: Int
    let maxChannel: UInt16
    /// `nil` where both sides agreed on none.
    let heartbeat: Duration?

    var endpoint: String { socket.endpoint }

    init(
        _ socket: BrokerSocket, _ frames: FrameBuffer, _ decoder: MethodDecoder, maxFrame: Int, maxChannel: UInt16,
        heartbeat: Duration?
    ) {
        self.socket = socket
        self.frames = frames
        self.decoder = decoder
        self.maxFrame = maxFrame
        self.maxChannel = maxChannel
        self.heartbeat = heartbeat
    }

    /// Reads once and hands each frame that is complete to `body`, which must copy what it keeps and says whether to go
    /// on.
    func receive(_ body: (RawFrame) throws(AMQPError) -> Bool) throws(AMQPError) {
        repeat {
            frames.filled(try socket.read(into: frames.room))
            while let frame = try frames.next() {
                if try !body(frame) { return }
            }
        } while socket.hasMore
    }
}
