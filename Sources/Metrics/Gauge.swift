internal import Synchronization

/// What goes up and down.
public final class Gauge: Family {
    private let title: Title
    private let values = Mutex<[[String]: Double]>([:])

    init(name: String, help: String, labels: [String]) { title = Title(name: name, help: help, labels: labels) }

    public func set(_ value: Double, _ labels: String...) {
        values.withLock { $0[labels] = value }
    }

    func write(to page: inout String) {
        title.writeHead("gauge", to: &page)
        for (labels, value) in values.withLock({ $0 }).sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
            title.writeLine(labels, Title.number(value), to: &page)
        }
    }
}
