internal import HTTPClient
internal import MessageBus
internal import Synchronization
internal import Wire

/// Sends what handling messages was in their traces to a collector: OTLP over HTTP, in JSON (OpenTelemetry Protocol,
/// "OTLP/HTTP Request").
///
/// Nothing waits for it: what a collector does not take in time is thrown away, and said once.
final class SpanExporter: Sendable {
    private let url: String
    private let service: String
    private let client: HTTPClient
    private let log: Log
    private let waiting = Mutex<[Span]>([])

    /// So many spans wait at most.
    private static let limit = 8_192
    private static let interval = Duration.seconds(1)

    /// - Parameter endpoint: such as `http://127.0.0.1:4318`; `/v1/traces` is added.
    init(endpoint: String, service: String, log: Log) throws {
        url = (endpoint.hasSuffix("/") ? String(endpoint.dropLast()) : endpoint) + "/v1/traces"
        self.service = service
        self.log = log
        client = try HTTPClient()
    }

    func take(_ spans: [Span]) {
        waiting.withLock { waiting in
            if waiting.count + spans.count <= Self.limit { waiting += spans }
        }
    }

    /// Sends them until the task is cancelled, and then what is left.
    func run() async {
        var isFailing = false
        while true {
            try? await Task.sleep(for: Self.interval)
            let isLast = Task.isCancelled
            let spans = waiting.withLock { waiting in
                defer { waiting = [] }
                return waiting
            }
            if !spans.isEmpty {
                // A task of its own: the last ones are sent by a task that is cancelled already.
                let failure = await Task { await self.send(spans) }.value
                if let failure, !isFailing { log(.warning, "traces cannot be sent to \(url): \(failure)") }
                if failure == nil, isFailing { log(.info, "traces are sent again") }
                isFailing = failure != nil
            }
            if isLast { return }
        }
    }

    private func send(_ spans: [Span]) async -> String? {
        var request = HTTPRequest(.post, url, headers: [("Content-Type", "application/json")], body: body(spans).bytes)
        request.timeout = .seconds(5)
        do {
            let response = try await client.send(request)
            return response.isSuccess ? nil : "it answers \(response.status)"
        } catch {
            return "\(error)"
        }
    }

    private func body(_ spans: [Span]) -> JSON {
        let resource: JSON = ["attributes": [Self.attribute("service.name", service)]]
        let scope: JSON = ["name": "execbus", "version": .string(Execbus.version)]
        return [
            "resourceSpans": [
                [
                    "resource": resource,
                    "scopeSpans": [["scope": scope, "spans": .array(spans.map(Self.json))]],
                ]
            ]
        ]
    }

    private static func json(_ span: Span) -> JSON {
        var attributes = [
            attribute("messaging.system", "rabbitmq"), attribute("messaging.operation.type", "process"),
            attribute("messaging.destination.name", span.queue), attribute("execbus.outcome", span.outcome.rawValue),
        ]
        if let id = span.messageID { attributes.append(attribute("messaging.message.id", id)) }
        if let id = span.correlationID { attributes.append(attribute("messaging.message.conversation_id", id)) }
        let isError = span.outcome == .parked || span.outcome == .retried
        return .object(compacting: [
            "traceId": .string(span.context.trace), "spanId": .string(span.context.span),
            "parentSpanId": span.parent.map(JSON.string), "name": .string("process \(span.name)"),
            // SPAN_KIND_CONSUMER
            "kind": 5, "startTimeUnixNano": nanoseconds(span.start), "endTimeUnixNano": nanoseconds(span.end),
            "attributes": .array(attributes), "status": isError ? ["code": 2] : nil,
        ])
    }

    /// 64-bit integers are text in protobuf's JSON.
    private static func nanoseconds(_ time: Timestamp) -> JSON { .string("\(time.microseconds)000") }

    private static func attribute(_ key: String, _ value: String) -> JSON {
        ["key": .string(key), "value": ["stringValue": .string(value)]]
    }
}
