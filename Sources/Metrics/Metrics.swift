internal import Synchronization

/// The figures of a process, as Prometheus reads them ("Exposition formats", text format 0.0.4).
public final class Metrics: Sendable {
    private struct Content {
        var families: [any Family] = []
        var samplers: [@Sendable () -> Void] = []
    }

    private let content = Mutex(Content())

    public init() {}

    /// What only grows. By convention its name ends with `_total`.
    public func counter(_ name: String, _ help: String, labels: [String] = []) -> Counter {
        add(Counter(name: name, help: help, labels: labels))
    }

    /// What goes up and down.
    public func gauge(_ name: String, _ help: String, labels: [String] = []) -> Gauge {
        add(Gauge(name: name, help: help, labels: labels))
    }

    /// How often a duration or a size was how large; durations in seconds.
    /// - Parameter bounds: the upper ends of the buckets, growing; the one without an end is added.
    public func histogram(
        _ name: String, _ help: String, labels: [String] = [], bounds: [Double] = Histogram.seconds
    ) -> Histogram {
        add(Histogram(name: name, help: help, labels: labels, bounds: bounds))
    }

    /// Has `sample` set gauges whenever somebody reads. It is called on the reader's thread and must not wait.
    public func beforeReading(_ sample: @escaping @Sendable () -> Void) {
        content.withLock { $0.samplers.append(sample) }
    }

    /// Everything as text; serve it as `Metrics.contentType`.
    public func text() -> String {
        let (families, samplers) = content.withLock { ($0.families, $0.samplers) }
        for sample in samplers { sample() }
        var page = ""
        for family in families { family.write(to: &page) }
        return page
    }

    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    private func add<Added: Family>(_ family: Added) -> Added {
        content.withLock { $0.families.append(family) }
        return family
    }
}
