import AMQP
import Testing
import Wire

@testable import MessageBus

/// What was taken from a queue, to wait or to be parked, is nowhere else any more: the outbox never gives it up.
@Suite struct OutboxTests {
    static let outcomes: [PublishOutcome] = [
        .returned(code: 312, text: "NO_ROUTE"), .unsent(AMQPError(.notFound, "no exchange")),
        .unknown(AMQPError(.accessRefused, "not allowed")), .nacked,
    ]

    @Test(arguments: [Exchange.retry, .parked], outcomes)
    func `it is tried again whatever the broker says, and however long that takes`(
        _ exchange: Exchange, _ outcome: PublishOutcome
    ) {
        var now = Timestamp.now()
        var outbox = Outbox()
        let message = Outgoing(exchange: exchange, key: "bank", type: "t", id: "i", time: now, body: [:])
        outbox.add([Pending(number: 1, message: message)])
        for _ in 1...50 {
            now = now + .seconds(3_600)
            let due = outbox.due(at: now)
            #expect(due.map(\.number) == [1])
            _ = outbox.learn([(due[0], outcome)], at: now)
            #expect(outbox.due(at: now).isEmpty, "not at once")
        }
        #expect(outbox.takeSettled().settled == [])
        _ = outbox.learn([(outbox.due(at: now + .seconds(60))[0], .confirmed)], at: now)
        #expect(outbox.takeSettled().settled == [1])
    }

    @Test func `an event that no queue takes is given up after a while, and a command at once`() {
        let now = Timestamp.now()
        var outbox = Outbox()
        for (number, exchange) in [Exchange.events, .commands].enumerated() {
            let message = Outgoing(exchange: exchange, key: "k", type: "t", id: "i", time: now, body: [:])
            outbox.add([Pending(number: Int64(number), message: message)])
        }
        let returned = PublishOutcome.returned(code: 312, text: "NO_ROUTE")
        _ = outbox.learn(outbox.due(at: now).map { ($0, returned) }, at: now)
        let first = outbox.takeSettled()
        #expect(first.returned.map(\.number) == [1])
        #expect(first.settled == [])
        let later = now + .seconds(31)
        _ = outbox.learn(outbox.due(at: later).map { ($0, returned) }, at: later)
        #expect(outbox.takeSettled().settled == [0])
    }
}
