package import Processes

extension PrivateRabbitMQ {
    /// What has happened to a node that is kept running.
    package enum Change: Sendable {
        /// It ended without being asked, and is started again after a while.
        case ended(ExitStatus, restartsAfter: Duration)
        /// It could not be started; it is tried again after a while.
        case failed(reason: String, restartsAfter: Duration)
        /// It accepts connections again, so long after its end.
        case back(after: Duration)
    }

    /// A node that has run for so long did not end of its start.
    private static let steady = Duration.seconds(60)

    /// Starts the node again, on the same port and data, whenever it ends, until the task is cancelled: do that before
    /// `stop`, and wait for it.
    /// - Parameter limit: how many ends and failed starts in a row are borne, without a minute of running between them.
    /// - Throws: `.notStarted` with the last reason when there were more.
    package nonisolated func keepRunning(
        limit: Int = 6, tell: @Sendable (Change) -> Void
    ) async throws(LocalNetworkError) {
        var pause = RestartPause()
        var failures = 0
        var begin = ContinuousClock.now
        while let status = await waitForEnd() {
            let end = ContinuousClock.now
            if end - begin > Self.steady {
                failures = 0
                pause.reset()
            }
            failures += 1
            var reason = "it ended (\(status)); see \(log)"
            var change = Change.ended(status, restartsAfter: pause.current)
            repeat {
                guard failures <= limit else {
                    throw LocalNetworkError(.notStarted, "RabbitMQ does not stay, and is not started again: \(reason)")
                }
                tell(change)
                try? await Task.sleep(for: pause.current)
                pause.grow()
                if Task.isCancelled { return }
                do {
                    try await restart()
                    break
                } catch {
                    if Task.isCancelled { return }
                    failures += 1
                    reason = "\(error)"
                    change = .failed(reason: reason, restartsAfter: pause.current)
                }
            } while true
            begin = .now
            tell(.back(after: begin - end))
        }
    }
}
