/// One channel of the live connection, as its thread knows it.
final class Channel {
    enum Role {
        case publisher
        case request(PendingRequest)
        case subscription(Subscription)
        /// Nothing more comes; what was delivered is still to be settled.
        case held(ConsumerCore)
        /// Ours to close: everything but the broker's answer is ignored.
        case closing
    }

    let number: UInt16
    var role: Role
    var assembly = ContentAssembly()
    var properties = PropertyReader()
    var exchange = RepeatedText()
    var routingKey = RepeatedText()
    /// Answers that are still to come, in this order.
    var awaited: ArraySlice<MethodID>
    /// Tags of deliveries count up by one.
    var nextTag: UInt64 = 1

    init(_ number: UInt16, _ role: Role, awaiting: [MethodID]) {
        self.number = number
        self.role = role
        awaited = awaiting[...]
    }
}

/// A consumer as the thread of the connection knows it, over all reconnects.
final class Subscription {
    enum Phase {
        /// Without a channel; tried again at the time, or when there is a connection.
        case waiting(until: ContinuousClock.Instant?)
        case settingUp
        case live
        /// This many basic.cancel-ok are to come.
        case cancelling(Int)
    }

    let consumer: ConsumerCore
    var phase = Phase.waiting(until: nil)
    /// Who waits for the first time that it stands, and until when.
    var started: Waiter<Void>?
    let startDeadline: ContinuousClock.Instant
    var cancelWaiters: [Waiter<Void>] = []
    var isCancelled = false
    var wasLive = false
    var backoff: Backoff
    /// When a consumer that cannot be taken up, though there is a connection, ends for good.
    var recoveryDeadline: ContinuousClock.Instant?
    /// Deliveries of this turn.
    var collected: [AMQPDelivery] = []

    init(_ consumer: ConsumerCore, started: Waiter<Void>, _ configuration: AMQPConfiguration) {
        self.consumer = consumer
        self.started = started
        startDeadline = .now + configuration.requestTimeout
        backoff = Backoff(base: configuration.reconnectBase, cap: configuration.reconnectCap)
    }
}
