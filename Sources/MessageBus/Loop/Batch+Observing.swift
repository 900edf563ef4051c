internal import AMQP
internal import Wire

// What is counted, traced and logged of each message that is taken.
extension Batch {
    /// Takes a delivery by `body`, and notes what became of it.
    mutating func observe(
        _ delivery: AMQPDelivery, _ body: (inout Self, _ trace: TraceContext) throws -> Void
    ) throws {
        let parent = delivery.header("traceparent").flatMap(TraceContext.init)
        let trace = parent?.child() ?? TraceContext()
        handling = Handling(delivery, trace)
        let began = ContinuousClock.now
        try body(&self, trace)
        guard let handling else { return }
        self.handling = nil
        result.taken.append(
            Taken(
                type: handling.type, outcome: handling.outcome, handling: handling.decided,
                sent: delivery.attribute("time").flatMap(Timestamp.init)))
        guard context.isTracing else { return }
        result.spans.append(
            Span(
                context: trace, parent: parent?.span, name: handling.type, start: now, end: now + (.now - began),
                messageID: handling.about.message, correlationID: handling.about.correlation, queue: delivery.queue,
                outcome: handling.outcome))
    }

    mutating func conclude(_ outcome: Outcome) { handling?.outcome = outcome }

    mutating func note(_ level: LogLevel, _ text: String) {
        result.notes.append(LogNote(level: level, text: text, about: handling?.about))
    }
}

/// The message that is being handled.
struct Handling {
    let type: String
    let about: LogSubject
    var outcome = Outcome.handled
    /// How long the decision took.
    var decided: Duration?

    init(_ delivery: AMQPDelivery, _ trace: TraceContext) {
        let properties = delivery.properties
        type = properties.type ?? delivery.attribute("type") ?? "none"
        about = LogSubject(
            message: properties.messageID ?? delivery.attribute("id"), correlation: properties.correlationID,
            trace: trace.trace)
    }
}
