/// The headers of messages that wait for another try and of parked ones (contract.md, Envelope). They are written by a
/// participant, or by an operator who replays, and believed only of messages whose `user_id` is the participant itself.
public enum FailureHeader: String, Sendable, CaseIterable {
    /// How often it was handled so far: a whole number.
    case attempt
    /// When it failed the first time.
    case firstFailed = "first_failed"
    /// When it failed the last time.
    case lastFailed = "last_failed"
    /// Why: the slug of a problem, a colon, and words.
    case reason
    /// The exchange that it was published to by its sender.
    case originalExchange = "original_exchange"
    /// The routing key that its sender gave it.
    case originalKey = "original_key"
    /// The `user_id` of its sender, which RabbitMQ checked; empty where there was none.
    case asker
    /// Which waiting queue it goes to: `1s`, `10s`, `1m` or `10m`.
    case delay
    /// Which of the copies of this message it is that went to wait: a whole number that grows with each. A copy that is
    /// delivered twice is known by it.
    case copy
}
