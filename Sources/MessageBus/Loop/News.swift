internal import Synchronization

/// Whether something came that the loop has to look at.
final class News: Sendable {
    private let flag = Atomic(false)

    func come() { flag.store(true, ordering: .releasing) }

    /// Whether something came since the last call.
    func take() -> Bool { flag.exchange(false, ordering: .acquiringAndReleasing) }
}
