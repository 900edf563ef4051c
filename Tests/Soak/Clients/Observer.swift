internal import AMQP
internal import MessageBus
internal import Synchronization
internal import Wire

/// Hears every event and every sign of life, and misses none: its queue stays when its connection is lost.
package final class Observer: Sendable {
    private let connection: AMQPConnection
    private let recorder: Recorder
    private let queue: String

    package init(_ uri: String, _ recorder: Recorder) async throws {
        var configuration = try AMQPConfiguration(uri: uri)
        configuration.reconnectCap = .seconds(2)
        connection = try await AMQPConnection.connect(configuration)
        queue = "client.\(configuration.user).observer"
        self.recorder = recorder
    }

    /// Hears until the task is cancelled.
    package func run() async {
        let declarations =
            [SteadyClient.queue(queue)] + ["events", "heartbeats"].map { SteadyClient.binding(queue, $0, "#") }
        await connection.read(queue, declaring: declarations) { message in
            if message.exchange == "heartbeats" {
                self.recorder.note(sign: message)
            } else {
                self.recorder.note(event: message)
            }
        }
    }

    package func awaitQueue() async throws { try await connection.awaitQueue(queue) }

    /// Reads the stream `history` from its beginning, as a client does that comes late: until it has given everything that was
    /// heard, or gives nothing more for a while.
    package func readHistory(within limit: Duration) async {
        let heard = Set(recorder.history.events.map(\.id))
        let missing = Mutex(heard)
        let reading = Task {
            await connection.read("history", arguments: ["x-stream-offset": "first"]) { message in
                self.recorder.note(recorded: message)
                _ = missing.withLock { $0.remove(message.id ?? "") }
            }
        }
        let end = ContinuousClock.now + limit
        while ContinuousClock.now < end, !missing.withLock({ $0.isEmpty }) {
            try? await Task.sleep(for: .milliseconds(100))
        }
        reading.cancel()
        await reading.value
    }

    /// Removes its queue and takes leave.
    package func close() async {
        _ = try? await connection.deleteQueue(queue)
        await connection.close()
    }
}
