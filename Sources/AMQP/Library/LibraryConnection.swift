import CRabbitMQ
import Glibc

/// A logged-in connection of librabbitmq, which from now on only decodes what arrives: all that is sent is framed by
/// this module. The library's own heartbeat is off, since it would write into the middle of our frames.
///
/// reason for @unchecked: the library wants one thread at a time. The thread that logs in hands it over to the thread of
/// the connection through a lock and never touches it again.
final class LibraryConnection: @unchecked Sendable {  // reason: see above
    private let state: amqp_connection_state_t
    /// The socket, in non-blocking mode; closed with this object.
    let descriptor: Int32
    let endpoint: String
    /// As agreed with the broker.
    let maxFrame: Int
    let maxChannel: UInt16
    /// `nil` where both sides agreed on none.
    let heartbeat: Duration?

    /// Takes over the library's state, and destroys it at the end.
    init(loggedIn state: amqp_connection_state_t, endpoint: String) {
        self.state = state
        self.endpoint = endpoint
        descriptor = amqp_get_sockfd(state)
        maxFrame = Int(amqp_get_frame_max(state))
        let channels = amqp_get_channel_max(state)
        maxChannel = channels > 0 ? UInt16(clamping: channels) : .max
        let seconds = Int(amqp_get_heartbeat(state))
        heartbeat = seconds > 0 ? .seconds(seconds) : nil
        amqp_tune_connection(state, channels, amqp_get_frame_max(state), 0)
    }

    deinit { amqp_destroy_connection(state) }

    /// Whether a frame can be had without reading the socket, so that `poll` would be silent about it.
    var hasBuffered: Bool { amqp_frames_enqueued(state) != 0 || amqp_data_in_buffer(state) != 0 }

    /// Hands the next frame to `body`, which must copy what it keeps; `false` when there is none now.
    func withNextFrame(_ body: (InboundFrame) throws(AMQPError) -> Void) throws(AMQPError) -> Bool {
        var frame = amqp_frame_t()
        var immediately = timeval(tv_sec: 0, tv_usec: 0)
        let status = amqp_simple_wait_frame_noblock(state, &frame, &immediately)
        if status == AMQP_STATUS_TIMEOUT.rawValue { return false }
        guard status == AMQP_STATUS_OK.rawValue else {
            throw AMQPError(.connectionLost, "the connection to \(endpoint) broke (\(Self.text(status)))")
        }
        // Everything is copied out, so the channel's memory can be used for its next frame.
        defer { amqp_maybe_release_buffers_on_channel(state, frame.channel) }
        if let decoded = InboundFrame(frame) { try body(decoded) }
        return true
    }

    static func text(_ status: Int32) -> String { String(cString: amqp_error_string2(status)) }
}
