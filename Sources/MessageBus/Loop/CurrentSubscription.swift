internal import Synchronization

/// The subscription of a loop, which may be replaced by another while others wake it.
final class CurrentSubscription: Sendable {
    private let held: Mutex<any Subscription>

    init(_ subscription: any Subscription) { held = Mutex(subscription) }

    var current: any Subscription { held.withLock { $0 } }

    func interrupt() { current.interrupt() }

    func replace(by subscription: any Subscription) {
        held.withLock { $0 = subscription }
        // What woke the old one in between is not lost.
        subscription.interrupt()
    }
}
