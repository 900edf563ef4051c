import AMQP
import FoundationEssentials
import HTTPClient
import LocalNetwork
import Processes
import Synchronization
import TestSupport
import Testing
import Wire

extension Scenarios {
    /// Whatever is sent to the workers, they go on, keep nothing of it in memory, and each message is answered or parked.
    @Suite struct Hostile {
        /// A hundred thousand with EXECBUS_FULL.
        private static let count = NotebookRegistry.isWanted ? 100_000 : 3_000
        private static let batch = 250
        /// What a worker's memory may grow by while it handles all but the first fifth of them.
        private static let growth = 24 << 20

        @Test(arguments: NotebookRegistry.isWanted ? [1, 2] : [1] as [UInt64])
        func `no message ends a worker, and each is answered or parked`(seed: UInt64) async throws {
            let network = try await ScenarioNetwork.shared
            let before = try network.description.workers
            let queues = before.map { worker in worker.site.map { "\(worker.name).\($0)" } ?? worker.name }
            let account = Account()
            try await withAMQPConnection(AMQPConfiguration(uri: network.uri(of: "operator"))) { connection in
                let key = "client.operator.hostile-\(seed)"
                try await connection.declareQueue(key, durable: true)
                try await connection.bindQueue(key, to: "replies", key: key)
                let answers = try await connection.consume(queues: [key], prefetch: 500)
                let parked = try await connection.consume(queues: queues.map { $0 + ".parked" }, prefetch: 500)
                let counting = [answers, parked].map { consumer in
                    Task {
                        while let batch = try? await consumer.next() {
                            for message in batch.messages { account.settle(message.properties.correlationID) }
                            batch.acknowledge()
                        }
                    }
                }
                var hostile = HostileMessages(seed: seed)
                var sent = 0
                var memory: [String: Double] = [:]
                while sent < Self.count {
                    var batch: [AMQPMessage] = []
                    for _ in 0..<Self.batch {
                        let mark = "h\(seed)-\(sent)"
                        let message = hostile.next(mark: mark, replyTo: key, user: "operator", queues: queues)
                        // Signs of life and answers to nobody are dropped or parked: nothing is promised of them.
                        if !HostileMessages.unanswered.contains(message.properties.type ?? "") {
                            account.expect(mark, "\(message.properties.type ?? "-") to \(message.routingKey)")
                        }
                        batch.append(message)
                        sent += 1
                    }
                    for outcome in await connection.publish(batch) { #expect(outcome.error == nil) }
                    let isServed = await eventually(within: .seconds(120)) { account.open.count < 2 * Self.batch }
                    try #require(isServed, "no answer to \(account.open.prefix(5))")
                    if memory.isEmpty, sent >= Self.count / 5 { memory = try await Self.memory(network) }
                }
                let isSettled = await eventually(within: .seconds(120)) { account.open.isEmpty }
                #expect(isSettled, "no answer to \(account.open.prefix(5))")
                let after = try await Self.memory(network)
                for (address, bytes) in after {
                    #expect(bytes - (memory[address] ?? 0) < Double(Self.growth), "\(address): \(memory) \(after)")
                }
                await answers.cancel()
                await parked.cancel()
                for task in counting { await task.value }
                try await connection.deleteQueue(key)
            }
            #expect(try network.description.workers.map(\.pid) == before.map(\.pid), "the same processes serve")
            #expect(try await network.execbus(["ping"]).status == .exited(0))
        }

        private static func memory(_ network: ScenarioNetwork) async throws -> [String: Double] {
            let client = try HTTPClient()
            var memory: [String: Double] = [:]
            for worker in try network.description.workers {
                let page = try await client.get(#require(worker.http) + "/metrics").text
                let line = try #require(
                    page.split(separator: "\n").first { $0.hasPrefix("process_resident_memory_bytes ") })
                memory["\(worker.name).\(worker.site ?? "")"] = Double(line.split(separator: " ")[1])
            }
            return memory
        }
    }
}

/// What is still to be answered or parked.
private final class Account: Sendable {
    private let waiting = Mutex<[String: String]>([:])

    var open: [String: String] { waiting.withLock { $0 } }

    func expect(_ mark: String, _ what: String) { waiting.withLock { $0[mark] = what } }

    func settle(_ mark: String?) {
        guard let mark else { return }
        waiting.withLock { $0[mark] = nil }
    }
}
