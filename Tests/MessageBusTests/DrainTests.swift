import AMQP
import Store
import Synchronization
import TestSupport
import Testing

@testable import MessageBus

/// A transport whose broker takes nothing for a while.
private final class RefusingTransport: Transport {
    let inner: MemoryTransport
    let isRefusing = Atomic(false)
    let refused = Atomic(0)

    init(_ inner: MemoryTransport) { self.inner = inner }

    var user: String { inner.user }

    func publish(_ batch: [AMQPMessage]) async -> [PublishOutcome] {
        guard isRefusing.load(ordering: .relaxed) else { return await inner.publish(batch) }
        refused.add(1, ordering: .relaxed)
        return batch.map { _ in .nacked }
    }

    func subscribe(to queues: [String], prefetch: UInt16) async throws -> any Subscription {
        try await inner.subscribe(to: queues, prefetch: prefetch)
    }

    func close() async { await inner.close() }
}

@Suite struct DrainTests {
    private func withLoop(
        _ store: MemoryStore, drainTime: Duration,
        _ body: (MemoryNetwork, RefusingTransport, ParticipantLoop<Bank>, Task<Void, any Error>) async throws -> Void
    ) async throws {
        let network = MemoryNetwork()
        let transport = RefusingTransport(network.broker.transport(user: "bank"))
        var settings = LoopSettings(log: .silent)
        settings.drainTime = drainTime
        let loop = try await ParticipantLoop(
            Bank(weather: Weather()), address: "bank", instance: "1", queues: ["bank"], store: store,
            transport: transport, performer: NoActivities(), settings: settings)
        let running = Task { try await loop.run() }
        do {
            try await body(network, transport, loop, running)
        } catch {
            loop.drain()
            try? await running.value
            throw error
        }
    }

    /// Sends a command whose answer the broker does not take.
    private func holdBack(_ network: MemoryNetwork, _ transport: RefusingTransport) async throws {
        transport.isRefusing.store(true, ordering: .relaxed)
        await network.send("test.add.v1", #"{"amount": 1}"#)
        let isHeldBack = await eventually { transport.refused.load(ordering: .relaxed) > 0 }
        try #require(isHeldBack)
    }

    @Test func `what waits for the broker goes out before a worker that stops has ended`() async throws {
        let store = MemoryStore()
        try await withLoop(store, drainTime: .seconds(60)) { network, transport, loop, running in
            try await holdBack(network, transport)
            loop.drain()
            let tries = transport.refused.load(ordering: .relaxed)
            let isTriedAgain = await eventually { transport.refused.load(ordering: .relaxed) > tries }
            #expect(isTriedAgain)
            transport.isRefusing.store(false, ordering: .relaxed)
            try await running.value
            #expect(network.broker.messages(in: "answers").count == 1)
            let left = try await store.transact { try $0.outgoing(after: 0, limit: 10).count }
            #expect(left == 0)
        }
    }

    @Test func `a worker that stops does not wait for a broker for ever, and its next start publishes`() async throws {
        let store = MemoryStore()
        try await withLoop(store, drainTime: .milliseconds(400)) { network, transport, loop, running in
            try await holdBack(network, transport)
            loop.drain()
            try await running.value
            #expect(network.broker.messages(in: "answers").isEmpty)
            let left = try await store.transact { try $0.outgoing(after: 0, limit: 10).count }
            #expect(left > 0)
            try await network.withBank(store: store) { _ in
                let answers = try await network.messages("answers", count: 1)
                #expect(answers.count == 1)
            }
        }
    }
}
