import AMQP
import Store
import TestSupport
import Testing
import Wire

@testable import MessageBus

/// Generated histories of messages that fail, come twice, come late, are parked and replayed, with worker deaths in between:
/// whatever happens, each has its effect once, in the order of its subject, or is found parked.
@Suite struct RetryHistoryTests {
    private static let address = "bank"

    /// A participant that notes in which order it heard, and fails as it is told.
    struct Listener: Participant {
        static let accepts: [String: Treatment] = ["test.fact.v1": .event]
        let weather: Weather

        mutating func decide(_ input: Input, _ decision: inout Decision) throws {
            guard case .message(let message) = input, let id = message.id else { return }
            try weather.strike(id)
            decision.emit("test.heard.v1", key: "heard", subject: id, [:])
        }
    }

    /// RabbitMQ, the worker and the operator as far as they matter here.
    private struct World {
        var random: SeededGenerator
        let store = MemoryStore()
        let weather = Weather()
        var now = Timestamp(microseconds: 1_000_000_000_000)
        /// What is in the work queue.
        var queue: [AMQPDelivery] = []
        /// What waits, and until when.
        var waiting: [(due: Timestamp, delivery: AMQPDelivery)] = []
        var parked: [AMQPDelivery] = []
        /// What was decided on, in order. An event that a worker publishes again after its death has the id of the first; one
        /// of a second decision would have another.
        var heard: [String] = []
        private var events: Set<String> = []
        let context: BatchContext

        init(seed: UInt64) {
            random = SeededGenerator(seed: seed)
            let intake = Intake(address: address, accepts: Listener.accepts, services: [])
            context = BatchContext(
                address: address, intake: intake, retries: RetrySchedule([.second, .second, .tenSeconds]), since: now,
                memory: .seconds(86_400))
        }

        func chance(_ percent: Int, using random: inout SeededGenerator) -> Bool {
            Int.random(in: 0..<100, using: &random) < percent
        }

        mutating func send(_ id: String, about subject: String?) {
            var message = Outgoing(
                exchange: .events, key: "test.fact", type: "test.fact.v1", id: id, time: now, body: [:],
                subject: subject)
            message.isMandatory = true
            queue.append(message.delivery(to: address, user: "sender"))
        }

        /// One turn of the worker on the first messages of the queue. It may die after the commit: then all that it published
        /// may have been published twice, and the messages come again.
        mutating func work(mayDie: Bool) async throws {
            // Histories are long: the tests beside them get their turn.
            await Task.yield()
            let count = Int.random(in: 1...4, using: &random)
            let deliveries = Array(queue.prefix(count))
            var input = BatchInput(now: now)
            input.deliveries = deliveries
            let (context, weather, now) = (context, weather, now)
            let turn = input
            let result = try await store.transact { transaction in
                var batch = Batch<Listener>(context, transaction, now: now)
                var participant = Listener(weather: weather)
                try batch.run(turn, &participant)
                return batch.result
            }
            let dies = mayDie && chance(15, using: &random)
            for _ in 0..<(dies ? 2 : 1) { publish(result.outgoing.map(\.message)) }
            if !dies { queue.removeFirst(deliveries.count) }
        }

        private mutating func publish(_ messages: [Outgoing]) {
            for message in messages {
                let delivery = message.delivery(to: address, user: address)
                switch message.exchange {
                case .retry:
                    let delay = delivery.header(.delay).flatMap(RetryDelay.init)?.duration ?? .zero
                    waiting.append((now + delay, delivery.arriving(by: .requeue)))
                case .parked: parked.append(delivery)
                default: if events.insert(message.id).inserted { heard.append(message.subject ?? "") }
                }
            }
        }

        /// Lets time pass, and brings back what has waited; a little of it twice, or later than it should.
        mutating func pass(_ time: Duration) {
            now = now + time
            let due = waiting.filter { $0.due <= now }
            waiting.removeAll { $0.due <= now }
            for entry in due {
                if chance(10, using: &random) {
                    waiting.append((now + .seconds(3), entry.delivery))
                    if chance(50, using: &random) { continue }
                }
                queue.append(entry.delivery)
            }
        }

        /// Replays what is parked, a part of it twice.
        mutating func replay() {
            for delivery in parked {
                for _ in 0..<(chance(30, using: &random) ? 2 : 1) {
                    let message = ParkedMessage(delivery).replayed()
                    queue.append(
                        AMQPDelivery(
                            queue: address, exchange: message.exchange, routingKey: message.routingKey,
                            isRedelivered: false, properties: message.properties, body: message.body))
                }
            }
            parked = []
        }
    }

    @Test(arguments: 0..<60 as Range<UInt64>)
    func `each message has its effect once, in its order, and nothing is left behind`(_ seed: UInt64) async throws {
        var world = World(seed: seed)
        var sent: [(id: String, subject: String?)] = []
        for round in 0..<30 {
            for _ in 0..<Int.random(in: 0...3, using: &world.random) {
                let id = "m\(sent.count)"
                let subject = ["a", "b", nil].randomElement(using: &world.random) ?? nil
                sent.append((id, subject))
                world.send(id, about: subject)
                // Some fail from the beginning; each of them is mended later or never.
                if world.chance(25, using: &world.random) { world.weather.spoil(id) }
            }
            // A sender that is not sure sends again.
            if let again = sent.randomElement(using: &world.random), world.chance(20, using: &world.random) {
                world.send(again.id, about: again.subject)
            }
            if let mended = sent.randomElement(using: &world.random) { world.weather.spoil(mended.id, nil) }
            for _ in 0..<3 where !world.queue.isEmpty { try await world.work(mayDie: true) }
            world.pass(.milliseconds(Int64.random(in: 0...1_500, using: &world.random)))
            #expect(Set(world.heard).count == world.heard.count, "a second effect in round \(round)")
        }
        // Everything comes to an end: those that fail still are parked.
        let dead = Set(try await settle(&world, sent.count))
        let alive = sent.map(\.id).filter { !dead.contains($0) }
        #expect(Set(world.heard) == Set(alive))
        // The operator mends what is wrong and replays.
        let parked = world.parked.count
        for message in sent { world.weather.spoil(message.id, nil) }
        world.replay()
        _ = try await settle(&world, sent.count)
        #expect(parked >= dead.count)
        #expect(world.heard.sorted() == sent.map(\.id).sorted())
        // Those that were never parked came in their order, subject by subject.
        for subject in ["a", "b"] {
            let order = sent.filter { $0.subject == subject && !dead.contains($0.id) }.map(\.id)
            #expect(world.heard.filter { order.contains($0) } == order, "subject \(subject)")
        }
        try await expectNothingWaits(world.store)
    }

    /// Lets the worker work without dying until nothing is on its way; gives the ids of what is parked.
    private func settle(_ world: inout World, _ count: Int) async throws -> [String] {
        for _ in 0..<(count * 30 + 100) {
            while !world.queue.isEmpty { try await world.work(mayDie: false) }
            if world.waiting.isEmpty { break }
            world.pass(.milliseconds(500))
        }
        #expect(world.queue.isEmpty && world.waiting.isEmpty)
        return world.parked.compactMap(\.properties.messageID)
    }

    private func expectNothingWaits(_ store: MemoryStore) async throws {
        let (places, records) = try await store.transact { transaction in
            (
                try transaction.states(ofKind: WaitingLine.kind, group: nil, after: nil, limit: 10).map(\.key.id),
                try transaction.states(ofKind: RetryRecord.kind, group: nil, after: nil, limit: 1_000)
                    .map { try decodeState(RetryRecord.self, $0) }
            )
        }
        #expect(places == [])
        #expect(records.filter { !$0.isParked }.isEmpty)
    }
}

extension AMQPDelivery {
    /// The delivery as it comes through another exchange.
    fileprivate func arriving(by exchange: Exchange) -> AMQPDelivery {
        AMQPDelivery(
            queue: queue, exchange: exchange.rawValue, routingKey: routingKey, isRedelivered: isRedelivered,
            properties: properties, body: body)
    }
}
