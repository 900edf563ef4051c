import AMQP
import FoundationEssentials
import TestSupport
import Testing

/// Processor time of connections that have nothing to do, as the kernel counts it for each thread.
@Suite("Nothing spins", .timeLimit(.minutes(2)))
struct IdleTests {
    /// Processor time that the threads of this name have had so far.
    private func time(of name: String) throws -> Duration {
        var sum: UInt64 = 0
        for thread in try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task") {
            let folder = "/proc/self/task/\(thread)"
            // A thread may end while it is looked at.
            guard let comm = FileManager.default.contents(atPath: "\(folder)/comm"),
                String(decoding: comm, as: UTF8.self) == "amqp \(name)\n",
                let schedule = FileManager.default.contents(atPath: "\(folder)/schedstat"),
                let nanoseconds = String(decoding: schedule, as: UTF8.self).split(separator: " ").first
            else { continue }
            sum += UInt64(nanoseconds) ?? 0
        }
        return .nanoseconds(Int64(sum))
    }

    /// What two seconds of the state that `prepare` has left cost the thread of the connection.
    private func cost(
        _ name: String, _ adjust: (inout AMQPConfiguration) -> Void = { _ in },
        _ prepare: (FaultProxy, AMQPConnection) async throws -> Void
    ) async throws -> Duration {
        var spent = Duration.zero
        try await withBroker { direct in
            let proxy = try FaultProxy(to: direct.configuration.endpoints[0].port)
            defer { proxy.stop() }
            var configuration = direct.configuration
            configuration.endpoints = [.init(host: "127.0.0.1", port: proxy.port)]
            configuration.connectionName = name
            adjust(&configuration)
            let connection = try await AMQPConnection.connect(configuration)
            try await prepare(proxy, connection)
            let before = try time(of: name)
            #expect(before > .zero)
            // Time is what is measured, so it has to pass.
            try await Task.sleep(for: .seconds(2))
            spent = try time(of: name) - before
            await connection.close(within: .milliseconds(10))
        }
        return spent
    }

    @Test
    func `an idle connection takes next to no time`() async throws {
        let spent = try await cost("idle", { $0.heartbeat = .seconds(1) }) { _, connection in
            try await connection.makeQueue("q")
        }
        #expect(spent < .milliseconds(20))
    }

    @Test
    func `a broker that is away costs a try now and then`() async throws {
        let spent = try await cost("away") { proxy, connection in
            proxy.refuse(true)
            proxy.cut()
            #expect(await eventually { !connection.isReady })
        }
        #expect(spent < .milliseconds(40))
    }

    @Test
    func `full buffers are waited for, not asked again and again`() async throws {
        let spent = try await cost("full", { $0.heartbeat = .zero }) { proxy, connection in
            try await connection.makeQueue("q")
            proxy.freeze()
            let body = [UInt8](repeating: 7, count: 1 << 20)
            Task {
                await connection.publish((0..<100).map { _ in AMQPMessage(exchange: "", routingKey: "q", body: body) })
            }
            #expect(await eventually { connection.statistics.published >= 16 })
        }
        #expect(spent < .milliseconds(40))
    }
}
