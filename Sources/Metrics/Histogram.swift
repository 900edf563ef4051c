internal import Synchronization

/// How often a value was how large.
public final class Histogram: Family {
    private struct Buckets {
        var counts: [UInt64]
        var sum = 0.0
    }

    private let title: Title
    private let bounds: [Double]
    private let values = Mutex<[[String]: Buckets]>([:])

    /// From a tenth of a millisecond to half a minute.
    public static let seconds = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30]

    init(name: String, help: String, labels: [String], bounds: [Double]) {
        title = Title(name: name, help: help, labels: labels)
        self.bounds = bounds
    }

    public func observe(_ value: Double, _ labels: String...) { enter(value, labels) }

    private func enter(_ value: Double, _ labels: [String]) {
        let index = bounds.firstIndex { value <= $0 } ?? bounds.count
        values.withLock { values in
            values[labels, default: Buckets(counts: Array(repeating: 0, count: bounds.count + 1))].counts[index] += 1
            values[labels]?.sum += value
        }
    }

    /// A duration, in seconds.
    public func observe(_ duration: Duration, _ labels: String...) {
        let (seconds, attoseconds) = duration.components
        enter(Double(seconds) + Double(attoseconds) * 1e-18, labels)
    }

    func write(to page: inout String) {
        title.writeHead("histogram", to: &page)
        for (labels, value) in values.withLock({ $0 }).sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
            var count: UInt64 = 0
            for (bound, own) in zip(bounds + [.infinity], value.counts) {
                count += own
                title.writeLine(
                    labels, "\(count)", suffix: "_bucket", further: ("le", Title.number(bound)), to: &page)
            }
            title.writeLine(labels, Title.number(value.sum), suffix: "_sum", to: &page)
            title.writeLine(labels, "\(count)", suffix: "_count", to: &page)
        }
    }
}
