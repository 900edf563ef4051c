/// What a method that announces content says: basic.deliver, basic.return, basic.get-ok.
struct Announcement: Sendable, Hashable {
    enum Kind: Sendable, Hashable {
        /// To the consumer with this place among its channel's.
        case delivered(consumer: Int?, tag: UInt64)
        case returned(code: UInt16, text: String)
        case got(tag: UInt64)
    }

    var kind: Kind
    var isRedelivered = false
    var exchange: String
    var routingKey: String
}

/// Puts the frames of one channel together: a method that announces content, its header, its bodies.
///
/// Frames of different channels interleave, those of one channel do not, so each channel has one of these. A message is
/// put together in place and then moved out: this runs for each that arrives.
struct ContentAssembly {
    /// A message that is complete.
    struct Content: Sendable, Hashable {
        var announcement: Announcement
        var properties = AMQPProperties()
        var body: [UInt8] = []
    }

    private enum Phase {
        case idle, announced, collecting
    }

    private var phase = Phase.idle
    private var content: Content?
    private var missing = 0

    /// Whether no message is under way.
    var isIdle: Bool { phase == .idle }

    /// A method that announces content.
    mutating func announce(_ announcement: Announcement) throws(AMQPError) {
        guard phase == .idle else { throw Self.fault("a method inside a message") }
        content = Content(announcement: announcement)
        phase = .announced
    }

    /// The header; a message without a body is complete with it.
    mutating func header(
        bodySize: UInt64, _ properties: AMQPProperties, limit: Int
    ) throws(AMQPError) -> Content? {
        guard phase == .announced else { throw Self.fault("a header without a method") }
        guard let size = Int(exactly: bodySize), size <= limit else {
            throw AMQPError(
                .tooLarge, "the broker delivers a message of \(bodySize) bytes; this client takes at most \(limit)")
        }
        content?.properties = properties
        missing = size
        if size == 0 { return take() }
        phase = .collecting
        return nil
    }

    /// A piece of the body; gives the message when it was the last one.
    mutating func body(_ piece: UnsafeRawBufferPointer) throws(AMQPError) -> Content? {
        guard phase == .collecting else { throw Self.fault("a body without a header") }
        guard piece.count <= missing else { throw Self.fault("a body longer than announced") }
        if content?.body.isEmpty == true {
            // Memory is taken as it arrives, never on the strength of an announcement alone.
            content?.body.reserveCapacity(min(missing, max(piece.count, 1 << 20)))
        }
        content?.body.append(contentsOf: piece)
        missing -= piece.count
        return missing == 0 ? take() : nil
    }

    private mutating func take() -> Content? {
        phase = .idle
        return content.take()
    }

    private static func fault(_ what: String) -> AMQPError {
        AMQPError(.connectionLost, "the broker broke the protocol: \(what)")
    }
}
