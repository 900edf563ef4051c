internal import LocalNetwork
internal import Wire

/// What is measured, by the name of its queue.
enum Measure: String, Sendable, CaseIterable {
    case publish, consume, ask

    var title: String {
        switch self {
        case .publish: "publish confirmed, window 1000, persistent, quorum queue"
        case .consume: "consume and acknowledge (one for 100), prefetch 1000, quorum queue"
        case .ask: "request and reply, one at a time, quorum queue and replies"
        }
    }

    /// What ratio of ours to a peer's is wanted.
    var targets: [String: Target] {
        switch self {
        case .publish: ["C": .atLeast(1.1), "aio-pika": .atLeast(4)]
        case .consume: ["C": .atLeast(0.9), "pika": .atLeast(5), "aio-pika": .atLeast(10)]
        case .ask: ["C": .atMost(1.3)]
        }
    }
}

/// A bound of a ratio.
enum Target: Sendable {
    case atLeast(Double)
    case atMost(Double)

    func isMet(by ratio: Double) -> Bool {
        switch self {
        case .atLeast(let bound): ratio >= bound
        case .atMost(let bound): ratio <= bound
        }
    }

    var json: JSON {
        switch self {
        case .atLeast(let bound): ["at_least": .double(bound)]
        case .atMost(let bound): ["at_most": .double(bound)]
        }
    }

    var text: String {
        switch self {
        case .atLeast(let bound): "≥ \(bound)"
        case .atMost(let bound): "≤ \(bound)"
        }
    }
}

/// Everything that was measured, round by round.
struct Figures: Sendable {
    /// What one program reached in one measure: messages a second, or microseconds.
    struct Series: Sendable {
        /// The figure that ratios are made of: messages a second, or the median of one round's times.
        var main: [Double] = []
        /// Of times: what 99 of 100 stay below.
        var high: [Double] = []
        /// Microseconds of the client's processors for each message, where there are many.
        var cpu: [Double] = []
    }

    let rabbitMQ: String
    /// How busy the machine was before, as the kernel tells it: over 1, 5 and 15 minutes.
    let load = PrivateFile.read("/proc/loadavg").map { bytes in
        String(decoding: bytes, as: UTF8.self).split(separator: " ").prefix(3).joined(separator: " ")
    }
    let rounds: Int
    let peers: [String]
    private var series: [String: Series] = [:]

    init(rabbitMQ: String, peers: [String], rounds: Int) {
        self.rabbitMQ = rabbitMQ
        self.peers = peers
        self.rounds = rounds
    }

    /// Those that there are figures of.
    var measures: [Measure] { Measure.allCases.filter { measure in peers.contains { self[measure, $0] != nil } } }

    subscript(measure: Measure, peer: String) -> Series? { series["\(measure) \(peer)"] }

    mutating func add(_ result: JSON, _ measure: Measure, _ peer: String) {
        var entry = self[measure, peer] ?? Series()
        if let times = result["microseconds"]?.array?.compactMap(\.double).sorted(), !times.isEmpty {
            entry.main.append(times[times.count / 2])
            entry.high.append(times[times.count * 99 / 100])
        } else if let count = result["count"]?.double, let seconds = result["seconds"]?.double, seconds > 0 {
            entry.main.append(count / seconds)
            if let cpu = result["cpu"]?.double { entry.cpu.append(cpu / count * 1e6) }
        }
        series["\(measure) \(peer)"] = entry
    }
}

extension [Double] {
    /// The one in the middle; of an even count the lower of both.
    var median: Double { isEmpty ? .nan : sorted()[(count - 1) / 2] }
}
