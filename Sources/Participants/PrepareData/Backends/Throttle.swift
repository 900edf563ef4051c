internal import Glibc
internal import Processes
internal import Synchronization

/// A site's own limit on what is copied from a storage: all copies from it share it.
final class Throttle: Sendable {
    /// Bytes a second.
    let rate: Int64
    /// When what was taken so far will have been paid for.
    private let paid = Mutex(ContinuousClock.now)

    init(rate: Int64) { self.rate = max(1, rate) }

    /// How much is copied at once: about a tenth of a second's worth.
    var chunk: Int { Int(min(1 << 20, max(4_096, rate / 10))) }

    /// Waits until so many more bytes may have been copied, on a thread that may block.
    func take(_ bytes: Int, _ cancellation: BlockingWork.Cancellation?) throws {
        let due = paid.withLock { paid in
            paid = max(paid, .now) + .seconds(Double(bytes) / Double(rate))
            return paid
        }
        while true {
            try cancellation?.check()
            let rest = due - .now
            if rest <= .zero { return }
            usleep(UInt32(min(rest, .milliseconds(20)) / .microseconds(1)))
        }
    }
}
