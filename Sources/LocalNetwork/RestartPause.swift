/// How long to wait before something that has ended is started again: longer each time, up to a limit.
struct RestartPause: Sendable {
    private static let first = Duration.milliseconds(250)
    private static let longest = Duration.seconds(15)

    /// The pause before the next start.
    private(set) var current = first

    /// The same failure has happened again.
    mutating func grow() { current = min(current * 2, Self.longest) }

    /// All went well for a while.
    mutating func reset() { current = Self.first }
}
