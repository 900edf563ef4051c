/// Pauses between tries: doubled each time up to a cap, half of it random so that a crowd does not come at once.
struct Backoff: Sendable {
    let base: Duration
    let cap: Duration
    /// Tries since the last success.
    private(set) var attempt = 0

    init(base: Duration, cap: Duration) {
        self.base = base
        self.cap = cap
    }

    /// The pause before the next try; `random` lies between 0 and 1.
    mutating func next(random: Double) -> Duration {
        let full = min(cap, base * (1 << min(attempt, 20)))
        attempt += 1
        return full / 2 + full / 2 * random
    }

    mutating func reset() { attempt = 0 }
}
