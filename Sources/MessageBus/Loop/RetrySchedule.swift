/// How long a message that failed waits before it is handled again: one of the waiting queues (contract.md, Exchanges).
public enum RetryDelay: String, Sendable, Hashable, CaseIterable {
    case second = "1s"
    case tenSeconds = "10s"
    case minute = "1m"
    case tenMinutes = "10m"

    /// The time that a message stays in the waiting queue.
    public var duration: Duration {
        switch self {
        case .second: .seconds(1)
        case .tenSeconds: .seconds(10)
        case .minute: .seconds(60)
        case .tenMinutes: .seconds(600)
        }
    }

    /// The longest delay that is over by then; the shortest there is, where all of them are longer.
    static func fitting(_ time: Duration) -> RetryDelay {
        allCases.last { $0.duration <= time } ?? .second
    }
}

/// How often a message that failed is handled again, and after which delays.
public struct RetrySchedule: Sendable, Hashable {
    /// The delay before the second handling, the third, and so on. After the last it is parked.
    public let delays: [RetryDelay]

    public init(_ delays: [RetryDelay]) { self.delays = delays }

    /// Each waiting queue once: a message is given up a good eleven minutes after its first failure.
    public static let standard = RetrySchedule(RetryDelay.allCases)
    /// What fails is parked at once.
    public static let none = RetrySchedule([])

    /// Reads `1s,10s,1m,10m`, or `none`. nil where it is neither: there are waiting queues for these delays only.
    public init?(_ text: String) {
        if text == "none" {
            self = .none
            return
        }
        let words = text.split(separator: ",", omittingEmptySubsequences: false)
        let delays = words.compactMap { RetryDelay(rawValue: String($0)) }
        guard delays.count == words.count else { return nil }
        self.delays = delays
    }

    /// The delay after so many failures, or nil where it is not tried again.
    func delay(afterFailure count: Int) -> RetryDelay? {
        delays.indices.contains(count - 1) ? delays[count - 1] : nil
    }
}
