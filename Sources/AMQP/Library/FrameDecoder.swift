import CRabbitMQ

/// Cuts what arrives into frames and decodes them, with librabbitmq. The library never sees the socket.
final class FrameDecoder {
    /// The library's mark for the answer of a broker that speaks another version only; its headers do not name it.
    private static let protocolHeader = UInt8(ascii: "A")

    private let state: amqp_connection_state_t

    init() throws(AMQPError) {
        guard let state = amqp_new_connection() else { throw AMQPError(.system, "no memory for a connection") }
        self.state = state
    }

    deinit { amqp_destroy_connection(state) }

    /// What both sides have agreed on: a larger frame is an error.
    func limitFrames(to bytes: Int) throws(AMQPError) {
        let status = amqp_tune_connection(state, 0, Int32(clamping: bytes), 0)
        guard status == AMQP_STATUS_OK.rawValue else { throw AMQPError(.system, "no memory for a connection") }
    }

    /// Hands every frame that is complete to `body`, which must copy what it keeps and says whether to go on.
    /// The beginning of a further one is kept for the next call.
    func decode(
        _ bytes: UnsafeRawBufferPointer, _ body: (InboundFrame) throws(AMQPError) -> Bool
    ) throws(AMQPError) {
        // The library declares these bytes as changeable, and only copies them.
        guard let start = UnsafeMutableRawPointer(mutating: bytes.baseAddress) else { return }
        var offset = 0
        while offset < bytes.count {
            var frame = amqp_frame_t()
            let used = amqp_handle_input(
                state, amqp_bytes_t(len: bytes.count - offset, bytes: start + offset), &frame)
            guard used > 0 else { throw Self.fault(used) }
            offset += Int(used)
            guard frame.frame_type != 0 else { continue }
            guard frame.frame_type != Self.protocolHeader else {
                throw Self.fault(AMQP_STATUS_INCOMPATIBLE_AMQP_VERSION.rawValue)
            }
            // Everything is copied out, so the channel's memory can be used for its next frame.
            defer { amqp_maybe_release_buffers_on_channel(state, frame.channel) }
            if let decoded = InboundFrame(frame), try !body(decoded) { return }
        }
    }

    private static func fault(_ status: Int32) -> AMQPError {
        AMQPError(
            .connectionLost,
            "what arrived is not AMQP 0-9-1 (\(String(cString: amqp_error_string2(status)))); is this RabbitMQ's port?")
    }
}
