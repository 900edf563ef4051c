/// The figures of a worker at one moment, read from its page `/metrics`.
struct FigureReader {
    private var samples: [(name: Substring, labels: Substring, value: Double)] = []

    init(_ page: String) {
        for line in page.split(separator: "\n") where !line.hasPrefix("#") {
            // Label values may hold spaces and braces: the value is what follows the last space.
            guard let space = line.lastIndex(of: " "), let value = Double(line[line.index(after: space)...]) else {
                continue
            }
            let key = line[..<space]
            let brace = key.firstIndex(of: "{") ?? key.endIndex
            samples.append((key[..<brace], key[brace...], value))
        }
    }

    /// The sum over all lines of a metric whose labels hold a text.
    func sum(_ name: String, with label: String = "") -> Double {
        samples.reduce(0) { total, sample in
            guard sample.name == name, label.isEmpty || sample.labels.contains(label) else { return total }
            return total + sample.value
        }
    }

    /// The upper end of the bucket in which this part of what came since `earlier` lies; nil where nothing came.
    func quantile(_ part: Double, of name: String, since earlier: FigureReader?) -> Double? {
        var buckets: [Double: Double] = [:]
        for sample in samples where sample.name == name + "_bucket" {
            guard let bound = Self.bound(sample.labels) else { continue }
            buckets[bound, default: 0] += sample.value
        }
        for sample in earlier?.samples ?? [] where sample.name == name + "_bucket" {
            guard let bound = Self.bound(sample.labels) else { continue }
            buckets[bound, default: 0] -= sample.value
        }
        guard let total = buckets[.infinity], total > 0 else { return nil }
        return buckets.sorted { $0.key < $1.key }.first { $0.value >= total * part }?.key
    }

    private static func bound(_ labels: Substring) -> Double? {
        guard let start = labels.firstRange(of: "le=\"")?.upperBound, let end = labels[start...].firstIndex(of: "\"")
        else { return nil }
        let text = labels[start..<end]
        return text == "+Inf" ? .infinity : Double(text)
    }
}
