import AMQP
import TestSupport
import Testing

@Suite("When the connection breaks", .timeLimit(.minutes(2)))
struct CutTests {
    /// A connection through a proxy that can be cut, and a second one past it to look at the broker.
    private func withProxy(
        _ adjust: (inout AMQPConfiguration) -> Void = { _ in },
        _ body: (FaultProxy, AMQPConnection, AMQPConnection) async throws -> Void
    ) async throws {
        try await withBroker { direct in
            let proxy = try FaultProxy(to: direct.configuration.endpoints[0].port)
            defer { proxy.stop() }
            var configuration = direct.configuration
            configuration.endpoints = [.init(host: "127.0.0.1", port: proxy.port)]
            configuration.reconnectBase = .milliseconds(20)
            configuration.reconnectCap = .milliseconds(200)
            adjust(&configuration)
            try await withAMQPConnection(configuration) { try await body(proxy, $0, direct) }
        }
    }

    @Test
    func `publishes that were not confirmed are named, and none is lost`() async throws {
        try await withProxy { proxy, connection, direct in
            try await direct.declareQueue("q")
            var unknown = 0
            for round in 0..<10 {
                // In the middle of a frame, at another place each time.
                proxy.cut(after: 1000 + 3777 * round)
                unknown += await connection.persist((0..<500).map { "\(round * 500 + $0)" }, to: "q")
            }
            #expect(unknown > 0)
            #expect(connection.statistics.unconfirmed == UInt64(unknown))
            #expect(connection.statistics.reconnects >= 5)
            let consumer = try await direct.consume(queues: ["q"], prefetch: 1000)
            var seen: Set<String> = []
            while seen.count < 5000 {
                let batch = try await consumer.next(until: soon)
                if batch.isEmpty { break }
                seen.formUnion(batch.messages.map(\.text))
                batch.acknowledge()
            }
            #expect(seen.count == 5000)
        }
    }

    @Test
    func `a consumer goes on by itself and misses nothing`() async throws {
        try await withProxy { proxy, connection, direct in
            try await direct.declareQueue("q")
            let consumer = try await connection.consume(queues: ["q"], prefetch: 50)
            try await direct.send((0..<2000).map(String.init), to: "q")
            var seen: Set<String> = []
            var rounds = 0
            while seen.count < 2000 {
                let batch = try await consumer.next(until: soon)
                if batch.isEmpty { break }
                seen.formUnion(batch.messages.map(\.text))
                rounds += 1
                if rounds.isMultiple(of: 25), rounds <= 100 { proxy.cut() }
                batch.acknowledge()
            }
            #expect(seen.count == 2000)
            #expect(connection.statistics.reconnects > 0)
        }
    }

    @Test
    func `an acknowledgement that comes too late is counted, and the message comes again`() async throws {
        try await withProxy { proxy, connection, direct in
            try await direct.declareQueue("q")
            let consumer = try await connection.consume(queues: ["q"], prefetch: 50)
            try await direct.send(["x"], to: "q")
            let batch = try await consumer.next(until: soon)
            proxy.cut()
            #expect(await eventually { connection.statistics.reconnects == 1 })
            batch.acknowledge()
            #expect(connection.statistics.staleAcknowledgements == 1)
            let again = try await consumer.take(1)
            #expect(again.map(\.isRedelivered) == [true])
        }
    }

    @Test
    func `an exclusive queue and its bindings are declared again`() async throws {
        try await withProxy { proxy, connection, direct in
            try await direct.declareExchange("replies", kind: "topic")
            let name = "client.me.1"
            let consumer = try await connection.consume(
                queues: [name], prefetch: 10,
                declaring: [
                    .queue(AMQPQueue(name: name, isDurable: false, isExclusive: true)),
                    .binding(AMQPBinding(queue: name, exchange: "replies", routingKey: "client.me.#")),
                ])
            for round in 1...3 {
                let events = connection.events()
                proxy.cut()
                for await event in events {
                    if case .consumerRecovered(let queues) = event {
                        #expect(queues == [name])
                        break
                    }
                }
                try await direct.publish(
                    AMQPMessage(
                        exchange: "replies", routingKey: "client.me.1", body: Array("\(round)".utf8), isMandatory: true)
                )
                #expect(try await consumer.take(1).map(\.text) == ["\(round)"])
            }
        }
    }

    @Test
    func `a publish waits for the connection to come back`() async throws {
        try await withProxy { proxy, connection, direct in
            try await direct.declareQueue("q")
            proxy.refuse(true)
            proxy.cut()
            #expect(await eventually { !connection.isReady })
            async let outcome = connection.publish([AMQPMessage(exchange: "", routingKey: "q", body: [])])
            async let declared = connection.declareQueue("q", passive: true)
            let accepted = proxy.accepted
            proxy.refuse(false)
            #expect(await outcome.map(\.isConfirmed) == [true])
            _ = try await declared
            #expect(proxy.accepted > accepted)
        }
    }

    @Test
    func `a publish that waits in vain ends at its deadline, unsent`() async throws {
        try await withProxy({ $0.confirmTimeout = .milliseconds(300) }) { proxy, connection, _ in
            proxy.refuse(true)
            proxy.cut()
            #expect(await eventually { !connection.isReady })
            let outcomes = await connection.publish([AMQPMessage(exchange: "", routingKey: "q", body: [])])
            guard case .unsent(let error)? = outcomes.first else {
                return #expect(Bool(false), "the outcome is \(outcomes)")
            }
            #expect(error.code == .timeout)
        }
    }

    @Test
    func `a confirm that does not come is reported at the deadline, as not known`() async throws {
        try await withProxy({
            $0.confirmTimeout = .milliseconds(300)
            $0.heartbeat = .zero
        }) { proxy, connection, _ in
            try await connection.makeQueue("q")
            proxy.freeze()
            let outcomes = await connection.publish([AMQPMessage(exchange: "", routingKey: "q", body: [])])
            proxy.thaw()
            guard case .unknown(let error)? = outcomes.first else {
                return #expect(Bool(false), "the outcome is \(outcomes)")
            }
            #expect(error.code == .timeout)
            // The late confirm makes its room free again and disturbs nobody.
            try await connection.send(["x"], to: "q")
            #expect(try await connection.purgeQueue("q") == 2)
        }
    }

    @Test
    func `a peer that freezes is given up after two heartbeats`() async throws {
        try await withProxy({ $0.heartbeat = .seconds(1) }) { proxy, connection, direct in
            try await direct.declareQueue("q")
            let events = connection.events()
            proxy.freeze()
            for await event in events {
                if case .lost(let error) = event {
                    #expect(error.code == .connectionLost)
                    break
                }
            }
            proxy.thaw()
            try await connection.send(["x"], to: "q")
            #expect(connection.statistics.reconnects >= 1)
        }
    }

    @Test
    func `a peer that speaks and reads nothing is given up as well`() async throws {
        try await withProxy({
            $0.heartbeat = .seconds(1)
            $0.maxUnsentBytes = 64 << 20
        }) { proxy, connection, direct in
            try await direct.declareQueue("q")
            try await connection.send(["before"], to: "q")
            let events = connection.events()
            proxy.stopReading()
            let body = [UInt8](repeating: 7, count: 1 << 20)
            async let outcomes = connection.publish(
                (0..<48).map { _ in AMQPMessage(exchange: "", routingKey: "q", body: body) })
            for await event in events {
                if case .lost(let error) = event {
                    #expect(error.message.contains("has taken nothing"), "\(error)")
                    break
                }
            }
            #expect(await outcomes.allSatisfy { if case .unknown = $0 { true } else { false } })
        }
    }

    @Test
    func `another host is taken when one is gone, and one connection is made at a time`() async throws {
        try await withBroker { direct in
            let proxies = try (0..<3).map { _ in try FaultProxy(to: direct.configuration.endpoints[0].port) }
            defer { for proxy in proxies { proxy.stop() } }
            var configuration = direct.configuration
            configuration.endpoints = proxies.map { .init(host: "127.0.0.1", port: $0.port) }
            configuration.reconnectBase = .milliseconds(5)
            configuration.reconnectCap = .milliseconds(50)
            try await direct.declareQueue("q")
            try await withAMQPConnection(configuration) { connection in
                var accepted = 1
                for round in 0..<20 {
                    // The one in use dies, and stays dead for this round.
                    let used = try #require(proxies.firstIndex { $0.isInUse })
                    proxies[used].refuse(true)
                    proxies[used].cut()
                    #expect(await eventually { connection.statistics.reconnects == UInt64(round + 1) })
                    #expect(
                        await connection.publish([AMQPMessage(exchange: "", routingKey: "q", body: [])])[0].isConfirmed)
                    accepted += 1
                    #expect(proxies.map(\.accepted).reduce(0, +) == accepted)
                    proxies[used].refuse(false)
                }
            }
            // Shuffled each time, so that a crowd does not move to one neighbour.
            #expect(proxies.allSatisfy { $0.accepted > 0 })
        }
    }

    @Test
    func `the window and the buffer hold publishers back, and both are configuration`() async throws {
        try await withProxy({
            $0.publishWindow = 10
            $0.heartbeat = .zero
        }) { proxy, connection, _ in
            try await connection.makeQueue("q")
            proxy.freeze()
            async let outcomes = connection.publish(
                (0..<50).map { _ in AMQPMessage(exchange: "", routingKey: "q", body: []) })
            #expect(await eventually { connection.statistics.published == 10 })
            // Whatever the thread was about to do, it has done when this gives up.
            #expect(!(await eventually(within: .milliseconds(300)) { connection.statistics.published > 10 }))
            proxy.thaw()
            #expect(await outcomes.allSatisfy(\.isConfirmed))
        }
        try await withProxy({
            $0.maxUnsentBytes = 2 << 20
            $0.heartbeat = .zero
        }) { proxy, connection, _ in
            try await connection.makeQueue("q")
            proxy.freeze()
            let body = [UInt8](repeating: 7, count: 1 << 20)
            async let outcomes = connection.publish(
                (0..<100).map { _ in AMQPMessage(exchange: "", routingKey: "q", body: body) })
            #expect(await eventually { connection.statistics.published >= 2 })
            // What the operating system takes into its own buffers is some MiB.
            #expect(connection.statistics.published < 40)
            proxy.thaw()
            #expect(await outcomes.allSatisfy(\.isConfirmed))
        }
    }

    @Test
    func `buffers that are full both ways block nobody else, and empty themselves`() async throws {
        try await withProxy({
            $0.heartbeat = .zero
            $0.maxUnsentBytes = 64 << 20
        }) { proxy, connection, direct in
            try await direct.declareQueue("there")
            try await direct.declareQueue("back")
            let body = [UInt8](repeating: 7, count: 1 << 20)
            let large = { (queue: String) in AMQPMessage(exchange: "", routingKey: queue, body: body) }
            #expect(await direct.publish((0..<40).map { _ in large("back") }).allSatisfy(\.isConfirmed))
            let consumer = try await connection.consume(queues: ["back"], prefetch: 1000)
            proxy.freeze()
            async let outcomes = connection.publish((0..<40).map { _ in large("there") })
            #expect(await eventually { connection.statistics.published == 40 })
            // Others of the same broker and of the same program go on.
            try await direct.declareQueue("other")
            try await direct.send(["x"], to: "other")
            #expect(try await direct.deleteQueue("other") == 1)
            proxy.thaw()
            #expect(try await consumer.take(40).count == 40)
            #expect(await outcomes.allSatisfy(\.isConfirmed))
            #expect(connection.statistics.reconnects == 0)
            #expect(try await direct.deleteQueue("there") == 40)
        }
    }

    @Test
    func `a publishing channel that ends leaves the consumers of its connection alone`() async throws {
        try await withBroker { connection in
            try await connection.makeQueue("q")
            let consumer = try await connection.consume(queues: ["q"], prefetch: 10)
            try await connection.send(["1", "2"], to: "q")
            let held = try await consumer.next(limit: 1, until: soon)
            let error = await amqpError {
                try await connection.publish(AMQPMessage(exchange: "nope", routingKey: "x", body: []))
            }
            #expect(error?.code == .notFound)
            held.acknowledge()
            #expect(try await consumer.take(1).map(\.isRedelivered) == [false])
            try await connection.send(["3"], to: "q")
            #expect(try await consumer.take(1).map(\.text) == ["3"])
            #expect(connection.statistics.staleAcknowledgements == 0)
            #expect(connection.statistics.reconnects == 0)
        }
    }

    @Test
    func `more than the socket takes is kept and sent in pieces, while reading goes on`() async throws {
        try await withProxy({
            $0.publishWindow = 100_000
            $0.maxUnsentBytes = 64 << 20
        }) { proxy, connection, direct in
            try await direct.declareQueue("q")
            try await direct.declareQueue("other")
            let consumer = try await connection.consume(queues: ["other"], prefetch: 10)
            proxy.freeze()
            let body = [UInt8](repeating: 7, count: 1 << 20)
            async let outcomes = connection.publish(
                (0..<48).map { _ in AMQPMessage(exchange: "", routingKey: "q", body: body) })
            #expect(await eventually { connection.statistics.published == 48 })
            try await direct.send(["x"], to: "other")
            proxy.thaw()
            #expect(try await consumer.take(1).count == 1)
            #expect(await outcomes.allSatisfy(\.isConfirmed))
            #expect(connection.statistics.reconnects == 0)
            #expect(try await direct.deleteQueue("q") == 48)
        }
    }

    @Test
    func `a stream is read on from where it was`() async throws {
        try await withProxy { proxy, connection, direct in
            try await direct.declareQueue("history", arguments: ["x-queue-type": "stream"])
            try await direct.send((0..<100).map(String.init), to: "history")
            let consumer = try await connection.consume(
                queues: ["history"], prefetch: 10, arguments: ["x-stream-offset": "first"])
            var texts = try await consumer.take(50, limit: 5).map(\.text)
            let count = texts.count
            // The broker gives room for more only when it has acknowledgements.
            #expect(await eventually { connection.statistics.delivered > 40 })
            proxy.cut()
            #expect(await eventually { connection.statistics.reconnects == 1 })
            var next = try await consumer.next(until: soon).settledTexts()
            let first = try #require(next.first.flatMap { Int($0) })
            // What was not acknowledged comes again, and nothing before it.
            #expect((10...count).contains(first))
            texts = Array(texts.prefix(first))
            while !next.isEmpty {
                texts += next
                next = texts.count < 100 ? try await consumer.next(until: soon).settledTexts() : []
            }
            #expect(texts == (0..<100).map(String.init))
            await consumer.cancel()
        }
    }

    @Test
    func `a queue deleted under its consumer is consumed again when it is back`() async throws {
        try await withProxy { _, connection, direct in
            try await direct.declareQueue("q")
            let events = connection.events()
            let consumer = try await connection.consume(queues: ["q"], prefetch: 10)
            try await direct.deleteQueue("q")
            for await event in events {
                if case .consumerCancelled(let queue) = event {
                    #expect(queue == "q")
                    break
                }
            }
            try await direct.declareQueue("q")
            try await direct.send(["x"], to: "q")
            #expect(try await consumer.take(1).map(\.text) == ["x"])
        }
    }

    @Test
    func `a queue that does not come back ends its consumer with a reason`() async throws {
        try await withProxy({ $0.consumerRecoveryTimeout = .milliseconds(200) }) { _, connection, direct in
            try await direct.declareQueue("q")
            let consumer = try await connection.consume(queues: ["q"], prefetch: 10)
            try await direct.deleteQueue("q")
            let error = await amqpError { while true { _ = try await consumer.next() } }
            #expect(error?.code == .notFound)
            #expect(error?.message.contains("'q'") == true)
        }
    }

    @Test
    func `closing does not wait for a connection that is gone`() async throws {
        try await withProxy { proxy, connection, _ in
            proxy.refuse(true)
            proxy.cut()
            #expect(await eventually { !connection.isReady })
            let begun = ContinuousClock.now
            await connection.close()
            #expect(ContinuousClock.now - begun < .seconds(2))
        }
    }

    @Test
    func `closing gives up a frozen peer at its deadline`() async throws {
        try await withProxy { proxy, connection, _ in
            proxy.freeze()
            let begun = ContinuousClock.now
            await connection.close(within: .milliseconds(200))
            #expect(ContinuousClock.now - begun < .seconds(2))
        }
    }
}
