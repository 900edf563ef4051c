import AMQP
import Metrics
import Store
import Synchronization
import Testing
import Wire

@testable import MessageBus

/// What a loop shows of itself.
@Suite struct ObservingTests {
    @Test func `each message is counted by what became of it`() async throws {
        let network = MemoryNetwork()
        let metrics = Metrics()
        try await network.withBank(
            store: MemoryStore(),
            settings: {
                $0.metrics = metrics
                $0.retries = RetrySchedule([])
            }
        ) { _ in
            await network.send("test.add.v1", #"{"amount": 5}"#)
            await network.send("test.add.v1", #"{"amount": 5}"#)
            await network.send("test.add.v1", "{}", id: "m2")
            await network.send("test.get.v1", "{}", id: nil)
            await network.send("test.what.v1", "{}", id: "m3")
            await network.send("test.fact.v1", "no JSON", id: "m4", replyTo: nil)
            _ = try await network.messages("answers", count: 5)
            _ = try await network.messages("bank.parked", count: 1)
        }
        let lines = Set(metrics.text().split(separator: "\n").map(String.init))
        for line in [
            #"execbus_messages_total{type="test.add.v1",outcome="handled"} 1"#,
            #"execbus_messages_total{type="test.add.v1",outcome="repeated"} 1"#,
            #"execbus_messages_total{type="test.add.v1",outcome="refused"} 1"#,
            #"execbus_messages_total{type="test.get.v1",outcome="handled"} 1"#,
            // What strangers call their messages makes no line of its own.
            #"execbus_messages_total{type="other",outcome="refused"} 1"#,
            #"execbus_messages_total{type="test.fact.v1",outcome="parked"} 1"#,
            "execbus_messages_in_flight 0", "execbus_outbox_messages 0",
        ] { #expect(lines.contains(line), "\(line) is not in\n\(metrics.text())") }
    }

    @Test func `a timer is counted, and how late it fired`() async throws {
        let network = MemoryNetwork()
        let metrics = Metrics()
        try await network.withBank(store: MemoryStore(), settings: { $0.metrics = metrics }) { _ in
            await network.send("test.later.v1", #"{"account": "x"}"#)
            _ = try await network.messages("facts", count: 1)
        }
        #expect(metrics.text().contains("execbus_timers_fired_total 1\n"))
        #expect(metrics.text().contains("execbus_timer_delay_seconds_count 1\n"))
    }

    @Test func `a trace goes on in everything that a message leads to`() async throws {
        let network = MemoryNetwork()
        let spans = Mutex<[Span]>([])
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        try await network.withBank(
            store: MemoryStore(), performer: Instantly(),
            settings: { $0.spans = { new in spans.withLock { $0 += new } } }
        ) { _ in
            await network.send("test.add.v1", #"{"amount": 5}"#, headers: ["traceparent": .string(parent)])
            await network.send("test.work.v1", "{}", id: "m2", headers: ["traceparent": .string(parent)])
            let sent = try await network.messages("answers", count: 2) + network.messages("facts", count: 2)
            for message in sent {
                let trace = try #require(message.traceparent.flatMap(TraceContext.init))
                #expect(trace.trace == "0af7651916cd43dd8448eb211c80319c", "\(message.type)")
                #expect(trace.span != "b7ad6b7169203331", "the span is that of the handling")
            }
        }
        let seen = spans.withLock { $0 }
        #expect(seen.map(\.name) == ["test.add.v1", "test.work.v1"])
        #expect(seen.allSatisfy { $0.parent == "b7ad6b7169203331" && $0.outcome == .handled && $0.start <= $0.end })
    }

    @Test(arguments: [nil, "rubbish", "00-00000000000000000000000000000000-b7ad6b7169203331-01"])
    func `without a trace that can be read, one begins`(_ header: String?) async throws {
        let network = MemoryNetwork()
        try await network.withBank(store: MemoryStore()) { _ in
            await network.send(
                "test.add.v1", #"{"amount": 5}"#, headers: header.map { ["traceparent": .string($0)] } ?? [:])
            let answer = try await network.messages("answers", count: 1)[0]
            #expect(answer.traceparent.flatMap(TraceContext.init) != nil)
        }
    }

    @Test(arguments: [
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", true),
        ("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-later", true),
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-later", false),
        ("ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false),
        ("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", false),
        ("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", false),
        ("00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01", false), ("", false), ("---", false),
    ]) func `the header is read as the recommendation has it`(_ text: String, isGood: Bool) {
        #expect((TraceContext(text) != nil) == isGood)
    }

    @Test func `a line of the log says which message it is about, for people and for machines`() throws {
        let lines = Mutex<[String]>([])
        let subject = LogSubject(message: "m 1", correlation: nil, trace: "abc")
        for format in LogFormat.allCases {
            let log = Log(name: "bank", format: format) { line in lines.withLock { $0.append(line) } }
            log(.warning, "parked", about: subject)
        }
        let written = lines.withLock { $0 }
        #expect(written[0].hasSuffix(#" warning bank parked message="m 1" trace=abc"#))
        var json = try JSON(parsing: Array(written[1].utf8))
        #expect(json["time"]?.string.flatMap(Timestamp.init) != nil)
        json["time"] = nil
        #expect(json == ["level": "warning", "who": "bank", "text": "parked", "message": "m 1", "trace": "abc"])
    }

    @Test func `a worker is healthy once it serves, and not while something is in the way`() {
        let health = Health()
        #expect(health.reasons == ["its queues are not taken up yet"])
        health.set("start", nil)
        #expect(health.reasons.isEmpty)
        health.set("blocked", "RabbitMQ takes no messages: low on disk")
        #expect(health.reasons == ["RabbitMQ takes no messages: low on disk"])
        health.turnBegins()
        #expect(health.hangs == nil)
    }
}

private struct Instantly: Performer {
    func perform(_ activity: Activity, progress: @escaping @Sendable (JSON) -> Void) async throws -> JSON { [:] }
}
