import Store
import Synchronization
import TestSupport
import Testing
import Wire

@testable import MessageBus

/// Works until it is released, and counts how often it began.
private final class Bench: Performer {
    let begun = Atomic(0)
    let stopped = Atomic(0)
    let isReleased = Atomic(false)

    func perform(_ activity: Activity, progress: @escaping @Sendable (JSON) -> Void) async throws -> JSON {
        begun.add(1, ordering: .relaxed)
        progress(["done": 1])
        while !isReleased.load(ordering: .relaxed) {
            do {
                try await Task.sleep(for: .milliseconds(5))
            } catch {
                stopped.add(1, ordering: .relaxed)
                throw error
            }
        }
        if activity.input["fails"] == true { throw ActivityFailure("it broke") }
        return ["made": "it"]
    }
}

@Suite struct ActivityTests {
    @Test func `an activity reports progress and its result`() async throws {
        let network = MemoryNetwork()
        let bench = Bench()
        try await network.withBank(store: MemoryStore(), performer: bench) { loop in
            await network.send("test.work.v1", "{}")
            _ = try await network.messages("facts", count: 1)
            #expect(loop.inFlight == 1)
            bench.isReleased.store(true, ordering: .relaxed)
            let answer = try await network.messages("answers", count: 1)[0]
            #expect(answer.body["outcome"]?.string?.hasPrefix("completed") == true)
        }
    }

    @Test func `a failure is reported with its reason`() async throws {
        let network = MemoryNetwork()
        let bench = Bench()
        bench.isReleased.store(true, ordering: .relaxed)
        try await network.withBank(store: MemoryStore(), performer: bench) { _ in
            await network.send("test.work.v1", #"{"fails": true}"#)
            let found = try await network.messages("answers", count: 1)
            #expect(found[0].body == ["outcome": #"failed("it broke")"#])
        }
    }

    @Test func `a worker that stops lays an activity down and takes it up again at its next start`() async throws {
        let network = MemoryNetwork()
        let store = MemoryStore()
        let bench = Bench()
        try await network.withBank(store: store, performer: bench) { _ in
            await network.send("test.work.v1", "{}")
            #expect(await eventually { bench.begun.load(ordering: .relaxed) == 1 })
        }
        #expect(bench.stopped.load(ordering: .relaxed) == 1)
        #expect(network.broker.messages(in: "answers").isEmpty)
        bench.isReleased.store(true, ordering: .relaxed)
        try await network.withBank(store: store, performer: bench) { _ in
            let found = try await network.messages("answers", count: 1)
            #expect(found.count == 1)
        }
        #expect(bench.begun.load(ordering: .relaxed) == 2)
    }

    @Test func `an activity that is cancelled stops and says so`() async throws {
        let network = MemoryNetwork()
        let bench = Bench()
        try await network.withBank(store: MemoryStore(), performer: bench) { _ in
            await network.send("test.work.v1", "{}")
            #expect(await eventually { bench.begun.load(ordering: .relaxed) == 1 })
            await network.send("test.stop.v1", "{}", id: "m2")
            let found = try await network.messages("answers", count: 1)
            #expect(found[0].body == ["outcome": "cancelled"])
        }
        #expect(bench.stopped.load(ordering: .relaxed) == 1)
    }

    @Test func `an activity that was cancelled before a crash is cancelled after it`() async throws {
        let network = MemoryNetwork()
        let store = MemoryStore()
        let activity = Activity(id: "a1", name: "work", lane: "a1", input: [:])
        try await store.transact {
            try $0.save(StoredActivity(activity: activity, order: 1, isCancelled: true).state())
        }
        try await network.withBank(store: store, performer: Bench()) { _ in
            let isGone = try await eventually {
                try await store.transact { try $0.state(StateKey(kind: StoredActivity.kind, id: "a1")) == nil }
            }
            #expect(isGone)
        }
    }
}
