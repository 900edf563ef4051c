import AMQP
import FoundationEssentials
import LocalNetwork
import TestSupport
import Testing

/// A whole session, cut after each byte of it: of the client's bytes and of the broker's, with and without TLS. Every
/// byte where EXECBUS_FULL is set, some of them otherwise.
@Suite("A connection cut at every point", .timeLimit(.minutes(30)))
struct CutEverywhereTests {
    /// One way to lose it.
    struct Case: Sendable, CustomTestStringConvertible {
        let side: FaultProxy.Side
        let isSecured: Bool
        var testDescription: String { "the \(side)'s bytes, \(isSecured ? "with TLS" : "plain")" }
    }

    private static let step =
        ProcessInfo.processInfo.environment["EXECBUS_FULL"] == nil ? (plain: 23, secured: 97) : (plain: 1, secured: 13)

    @Test(arguments: [
        Case(side: .client, isSecured: false), Case(side: .server, isSecured: false),
        Case(side: .client, isSecured: true), Case(side: .server, isSecured: true),
    ])
    func `loses nothing that was confirmed, brings back nothing that was acknowledged, and hangs nowhere`(
        test: Case
    ) async throws {
        try await withBroker { direct in
            let target = try await target(of: test, past: direct)
            // Once without a cut, to know how long it is.
            let whole = try await play("whole", target, cutAfter: nil, of: test.side, past: direct)
            #expect(!whole.wasCut)
            let step = test.isSecured ? Self.step.secured : Self.step.plain
            var cuts = 0
            var reconnects = 0
            // The length varies by a few bytes: a little farther, so that the end is met as well.
            for bytes in stride(from: 0, through: whole.length + step, by: step) {
                let run = try await play("after-\(bytes)", target, cutAfter: bytes, of: test.side, past: direct)
                cuts += run.wasCut ? 1 : 0
                reconnects += run.wasReconnected ? 1 : 0
            }
            #expect(cuts >= whole.length / step - 1)
            #expect(reconnects > cuts / 4)
        }
    }

    private struct Run {
        var length = 0
        var wasCut = false
        var wasReconnected = false
    }

    private func target(of test: Case, past direct: AMQPConnection) async throws -> AMQPConfiguration {
        var configuration = direct.configuration
        configuration.reconnectBase = .milliseconds(1)
        configuration.reconnectCap = .milliseconds(20)
        guard test.isSecured else { return configuration }
        let authority = try await TestCertificates.make()
        let port = try await TestBroker.shared.node.listenForTLS(
            try await authority.make("server", for: "IP:127.0.0.1"))
        configuration.endpoints = [.init(host: "127.0.0.1", port: port)]
        configuration.tls = AMQPTLS()
        configuration.tls?.authoritiesFile = authority.authority.certificate
        return configuration
    }

    /// Login, declare, consume, publish, confirm, acknowledge, close; then what is left is compared with what was
    /// promised.
    private func play(
        _ queue: String, _ target: AMQPConfiguration, cutAfter bytes: Int?, of side: FaultProxy.Side,
        past direct: AMQPConnection
    ) async throws -> Run {
        let proxy = try FaultProxy(to: target.endpoints[0].port)
        defer { proxy.stop() }
        var configuration = target
        configuration.endpoints = [.init(host: "127.0.0.1", port: proxy.port)]
        if let bytes { proxy.cut(after: bytes, of: side) }

        // The proxy cuts once: what is acknowledged on a connection made after that does not come again.
        let connection = try await connect(configuration, proxy)
        _ = try await retrying { () throws(AMQPError) in try await connection.declareQueue(queue) }
        let consumer = try await retrying { () throws(AMQPError) in
            try await connection.consume(queues: [queue], prefetch: 10)
        }
        async let confirmed = publish(to: queue, over: connection)
        var seen: Set<String> = []
        let isWhole = bytes == nil || proxy.hasCut
        var settled: Set<String> = []
        while Set(seen.map { $0.prefix(1) }).count < 6 {
            let batch = try await consumer.next(until: soon)
            if batch.isEmpty {
                Issue.record("cut after \(bytes ?? 0) bytes: the consumer gets no more; it has \(seen.sorted())")
                break
            }
            seen.formUnion(batch.messages.map(\.text))
            let texts = batch.messages.map(\.text)
            let isLast = isWhole || connection.statistics.reconnects > 0
            let stale = connection.statistics.staleAcknowledgements
            batch.acknowledge()
            if isLast, connection.statistics.staleAcknowledgements == stale { settled.formUnion(texts) }
        }
        let promised = await confirmed
        await connection.close()

        // What is still there, among it what was published twice because nobody knew.
        var left: [AMQPDelivery] = []
        while true {
            let batch = try await direct.get(queue)
            if batch.isEmpty { break }
            left += batch.messages
            batch.acknowledge()
        }
        try await direct.deleteQueue(queue)
        let texts = Set(left.map(\.text))
        #expect(
            promised.subtracting(seen).subtracting(texts).isEmpty,
            "cut after \(bytes ?? 0) bytes: of \(promised.sorted()) only \(seen.sorted()) came")
        let returned = settled.intersection(texts)
        #expect(returned.isEmpty, "cut after \(bytes ?? 0) bytes: \(returned.sorted()) came again")
        #expect(left.allSatisfy { !seen.contains($0.text) || $0.isRedelivered })
        return Run(
            length: proxy.passed(side), wasCut: proxy.hasCut,
            wasReconnected: connection.statistics.reconnects > 0)
    }

    /// The first connection is not mended by itself: whoever asks for it is told.
    private func connect(_ configuration: AMQPConfiguration, _ proxy: FaultProxy) async throws -> AMQPConnection {
        do throws(AMQPError) {
            return try await AMQPConnection.connect(configuration)
        } catch {
            #expect(proxy.hasCut, "\(error)")
            return try await AMQPConnection.connect(configuration)
        }
    }

    /// Six messages, each published anew under a new name until it is confirmed; the names that were confirmed.
    private func publish(to queue: String, over connection: AMQPConnection) async -> Set<String> {
        var confirmed: Set<String> = []
        for number in 0..<6 {
            for attempt in 0..<10 {
                let text = "\(number).\(attempt)"
                let message = AMQPMessage(
                    exchange: "", routingKey: queue, properties: AMQPProperties(isPersistent: true, messageID: text),
                    body: Array(text.utf8), isMandatory: true)
                guard await connection.publish([message]).allSatisfy(\.isConfirmed) else { continue }
                confirmed.insert(text)
                break
            }
        }
        #expect(confirmed.count == 6)
        return confirmed
    }

    /// A question that is answered by the loss of the connection is asked again.
    private func retrying<Value>(_ body: () async throws(AMQPError) -> Value) async throws -> Value {
        for _ in 0..<5 {
            do throws(AMQPError) {
                return try await body()
            } catch {
                guard error.isRetriable else { throw error }
            }
        }
        return try await body()
    }
}
