public import Wire

/// What handling one message was in its trace (OpenTelemetry, "Semantic conventions for messaging": a process span).
public struct Span: Sendable {
    public let context: TraceContext
    /// The span that sent the message; nil where the trace begins here.
    public let parent: String?
    /// The type of the message.
    public let name: String
    public let start: Timestamp
    public let end: Timestamp
    public let messageID: String?
    public let correlationID: String?
    /// The work queue.
    public let queue: String
    public let outcome: Outcome
}

/// What became of a message that was taken.
public enum Outcome: String, Sendable, Hashable, CaseIterable {
    /// It had its effect, or its answer was given.
    case handled
    /// It came before: nothing was done anew.
    case repeated
    /// Its problem was answered.
    case refused
    /// It waits for another try.
    case retried
    /// It waits for an earlier message of its subject.
    case held
    /// It rests in the queue of parked messages.
    case parked
    /// A sign of life that was wrong.
    case dropped
}
