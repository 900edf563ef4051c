internal import Synchronization

/// What only grows.
public final class Counter: Family {
    private let title: Title
    private let values = Mutex<[[String]: UInt64]>([:])

    init(name: String, help: String, labels: [String]) {
        title = Title(name: name, help: help, labels: labels)
        // Without labels it is there from the beginning, so that its first step can be seen.
        if labels.isEmpty { values.withLock { $0[[]] = 0 } }
    }

    /// - Parameter labels: one value for each label, of few kinds: each makes a line of its own for good.
    public func add(_ number: UInt64 = 1, _ labels: String...) {
        values.withLock { $0[labels, default: 0] += number }
    }

    /// Takes over what somebody else counts.
    public func set(_ number: UInt64, _ labels: String...) {
        values.withLock { $0[labels] = number }
    }

    func write(to page: inout String) {
        title.writeHead("counter", to: &page)
        for (labels, value) in values.withLock({ $0 }).sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
            title.writeLine(labels, "\(value)", to: &page)
        }
    }
}
