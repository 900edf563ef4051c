import AMQP
import TestSupport
import Testing

/// Runs `body` with a connection to a virtual host of its own.
func withBroker(
    _ adjust: (inout AMQPConfiguration) -> Void = { _ in }, _ body: (AMQPConnection) async throws -> Void
) async throws {
    try await withVirtualHost { uri in
        var configuration = try AMQPConfiguration(uri: uri)
        adjust(&configuration)
        try await withAMQPConnection(configuration) { try await body($0) }
    }
}

/// A few seconds from now: long enough for a slow machine, and never waited for when all is well.
var soon: ContinuousClock.Instant { .now + .seconds(20) }

extension AMQPConnection {
    /// A queue of this connection alone.
    func makeQueue(_ name: String, arguments: [String: AMQPValue] = [:]) async throws {
        try await declareQueue(name, durable: false, exclusive: true, arguments: arguments)
    }

    /// Publishes texts to a queue.
    func send(_ texts: [String], to queue: String) async throws {
        for outcome in await publish(texts.map { AMQPMessage(exchange: "", routingKey: queue, body: Array($0.utf8)) }) {
            if let error = outcome.error { throw error }
        }
    }
}

extension AMQPConnection {
    /// Publishes each text until it is confirmed; how often the outcome was not known.
    @discardableResult
    func persist(_ texts: [String], to queue: String) async -> Int {
        var left = texts
        var unknown = 0
        while !left.isEmpty {
            let outcomes = await publish(
                left.map { AMQPMessage(exchange: "", routingKey: queue, body: Array($0.utf8)) })
            unknown += outcomes.count { if case .unknown = $0 { true } else { false } }
            left = zip(left, outcomes).filter { !$0.1.isConfirmed }.map(\.0)
        }
        return unknown
    }
}

extension AMQPConsumer {
    /// Takes and acknowledges messages until there are `count`.
    func take(_ count: Int, limit: Int = 500) async throws -> [AMQPDelivery] {
        var taken: [AMQPDelivery] = []
        while taken.count < count {
            let batch = try await next(limit: limit, until: soon)
            if batch.isEmpty { break }
            taken += batch.messages
            batch.acknowledge()
        }
        return taken
    }
}

extension AMQPDeliveryBatch {
    /// Acknowledges all; their texts.
    consuming func settledTexts() -> [String] {
        let texts = messages.map(\.text)
        acknowledge()
        return texts
    }
}

extension AMQPDelivery {
    var text: String { String(decoding: body, as: UTF8.self) }
}

/// The error that `body` throws.
func amqpError(_ body: () async throws -> Void) async -> AMQPError? {
    do {
        try await body()
        return nil
    } catch {
        return error as? AMQPError
    }
}
