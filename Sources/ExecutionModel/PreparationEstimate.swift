public import Wire

/// How long it takes until a session can be used, from what has to be moved and how fast that was measured to be.
///
/// The executable comes beside storage and data; the computing begins when all are there.
public struct PreparationEstimate: Sendable, Hashable, Codable {
    /// One thing that has to be at the site.
    public struct Item: Sendable, Hashable, Codable {
        public var bytes: Int64
        /// Whether it is at the site already.
        public var isLocal: Bool
        /// Where it comes from: an RSE, a registry.
        public var source: String?
        /// How long it takes by itself.
        public var duration: Duration

        /// Something that is there takes no time, whatever its size.
        public init(bytes: Int64, isLocal: Bool, source: String?, rates: TransferRates) {
            self.bytes = bytes
            self.isLocal = isLocal
            self.source = source
            duration = isLocal ? .zero : rates.duration(of: bytes, from: source)
        }

        /// Something of which its participant has said how long it takes.
        public init(bytes: Int64, isLocal: Bool, source: String?, duration: Duration) {
            self.bytes = bytes
            self.isLocal = isLocal
            self.source = source
            self.duration = isLocal ? .zero : duration
        }

        /// `{local, bytes, source, duration}`.
        public var json: JSON {
            .object(compacting: [
                "local": .bool(isLocal), "bytes": .int(bytes), "source": source.map { .string($0) },
                "duration": .string(ISODuration.format(duration)),
            ])
        }
    }

    public var image: Item
    /// In the order of the workstep's data.
    public var data: [Item]
    /// How long the user's own storage takes.
    public var storage: Duration
    /// How long the session's program takes to start.
    public var compute: Duration

    public init(image: Item, data: [Item], storage: Duration = .zero, compute: Duration) {
        self.image = image
        self.data = data
        self.storage = storage
        self.compute = compute
    }

    /// How long the data take: those of one source share its rate, sources do not wait for each other.
    public var dataDuration: Duration {
        Dictionary(grouping: data) { $0.source ?? "" }.values
            .map { $0.reduce(Duration.zero) { $0 + $1.duration } }.max() ?? .zero
    }

    /// How long everything takes.
    public var total: Duration { max(image.duration, storage + dataDuration) + compute }
}

/// How fast bytes come from where, as measured.
public struct TransferRates: Sendable, Hashable, Codable {
    /// Bytes per second by source.
    public var bySource: [String: Double]
    /// Bytes per second of a source that was never measured.
    public var otherwise: Double

    public init(bySource: [String: Double] = [:], otherwise: Double) {
        self.bySource = bySource
        self.otherwise = otherwise
    }

    /// How long so many bytes take from a source.
    public func duration(of bytes: Int64, from source: String?) -> Duration {
        let rate = source.flatMap { bySource[$0] } ?? otherwise
        // A rate of nothing would make a time without end: nothing is slower than a byte in a second.
        let seconds = min(Double(max(0, bytes)) / max(rate, 1), 1e9)
        return .microseconds(Int64((seconds * 1e6).rounded()))
    }

    /// Learns from a transfer. What is seen now counts for a third, so that one odd transfer does not spoil the rate.
    public mutating func note(bytes: Int64, in duration: Duration, from source: String) {
        // The time of a very small transfer says nothing of the rate.
        guard bytes >= 65_536, duration > .zero else { return }
        let rate = Double(bytes) / duration.seconds
        bySource[source] = bySource[source].map { $0 * 2 / 3 + rate / 3 } ?? rate
    }
}
