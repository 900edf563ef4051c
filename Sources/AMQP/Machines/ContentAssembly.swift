/// Puts the frames of one channel together: a method that announces content, its header, its bodies.
///
/// Frames of different channels interleave, those of one channel do not, so each channel has one of these.
struct ContentAssembly {
    /// A message that is complete.
    struct Content: Sendable, Hashable {
        var method: InboundMethod
        var properties: AMQPProperties
        var body: [UInt8]
    }

    private enum State {
        case idle
        case announced(InboundMethod)
        case collecting(Content, missing: Int)
    }

    private var state = State.idle

    /// Whether a message is under way.
    var isIdle: Bool {
        if case .idle = state { true } else { false }
    }

    /// A method that announces content.
    mutating func announce(_ method: InboundMethod) throws(AMQPError) {
        guard case .idle = state else { throw Self.fault("a method inside a message") }
        state = .announced(method)
    }

    /// The header; a message without a body is complete with it.
    mutating func header(
        bodySize: UInt64, _ properties: AMQPProperties, limit: Int
    ) throws(AMQPError) -> Content? {
        guard case .announced(let method) = state else { throw Self.fault("a header without a method") }
        guard let size = Int(exactly: bodySize), size <= limit else {
            throw AMQPError(
                .tooLarge, "the broker delivers a message of \(bodySize) bytes; this client takes at most \(limit)")
        }
        let content = Content(method: method, properties: properties, body: [])
        state = size == 0 ? .idle : .collecting(content, missing: size)
        return size == 0 ? content : nil
    }

    /// A piece of the body; gives the message when it was the last one.
    mutating func body(_ piece: UnsafeRawBufferPointer) throws(AMQPError) -> Content? {
        guard case .collecting(var content, let missing) = state else { throw Self.fault("a body without a header") }
        guard piece.count <= missing else { throw Self.fault("a body longer than announced") }
        state = .idle
        if content.body.isEmpty {
            // Memory is taken as it arrives, never on the strength of an announcement alone.
            content.body.reserveCapacity(min(missing, max(piece.count, 1 << 20)))
        }
        content.body.append(contentsOf: piece)
        if piece.count == missing { return content }
        state = .collecting(content, missing: missing - piece.count)
        return nil
    }

    private static func fault(_ what: String) -> AMQPError {
        AMQPError(.connectionLost, "the broker broke the protocol: \(what)")
    }
}
