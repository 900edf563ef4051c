internal import Synchronization

/// What the thread of a replica tells the rest of its process.
final class Replica: Sendable {
    private struct Content {
        var leads = false
        var news: (@Sendable () -> Void)?
    }

    private let content = Mutex(Content())

    var leads: Bool { content.withLock(\.leads) }

    func onNews(_ body: @escaping @Sendable () -> Void) {
        content.withLock { $0.news = body }
    }

    func lead() {
        content.withLock { $0.leads = true }
        tellNews()
    }

    func tellNews() {
        content.withLock(\.news)?()
    }
}
