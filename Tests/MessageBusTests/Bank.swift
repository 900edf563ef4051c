import MessageBus
import Store
import Synchronization
import Wire

/// A participant for tests: accounts that grow, with an answer, an event, a timer and an activity each.
struct Bank: Participant {
    static let accepts: [String: Treatment] = [
        "test.add.v1": .command, "test.get.v1": .query, "test.later.v1": .command, "test.work.v1": .command,
        "test.ask.v1": .command, "test.forward.v1": .command, "test.stop.v1": .command, "test.fact.v1": .event,
        "test.answer.v1": .answer,
    ]

    struct Account: Codable {
        var sum: Int64 = 0
        var request: Request?
        /// The numbers of the facts that it heard, in order.
        var heard: [Int64]?
    }

    /// What makes it fail.
    var weather = Weather()

    /// Kept in memory, and made anew from the store.
    private(set) var total: Int64 = 0

    mutating func restore(from store: any StoreTransaction, at now: Timestamp) throws {
        total = try store.states(ofKind: "account", group: nil, after: nil, limit: .max)
            .reduce(0) { try $0 + decodeState(Account.self, $1).sum }
    }

    mutating func decide(_ input: Input, _ decision: inout Decision) throws {
        switch input {
        case .message(let message): try decide(message, &decision)
        case .timer(let timer):
            decision.emit("test.event.fired.v1", key: "test.\(timer.name)", subject: timer.name, timer.payload)
        case .activity(let report):
            decision.emit(
                "test.event.activity.v1", key: "test.activity", subject: report.activity.id,
                ["outcome": .string("\(report.outcome)")])
            guard report.isFinal, let account = try decision.load(Account.self, kind: "account", id: "work"),
                let request = account.request
            else { return }
            decision.answer(request, "test.done.v1", ["outcome": .string("\(report.outcome)")])
        }
    }

    private mutating func decide(_ message: Message, _ decision: inout Decision) throws {
        let name = message.body["account"]?.string ?? "a"
        var account = try decision.load(Account.self, kind: "account", id: name) ?? Account()
        switch message.type {
        case "test.add.v1":
            let reader = JSONReader(message.body)
            let amount = reader.int("amount", in: 1...1_000, required: true) ?? 0
            account.sum += amount
            total += amount
            try decision.save(account, kind: "account", id: name)
            try reader.finish()
            // After everything has been changed, in memory as well.
            try weather.strike(name)
            if account.sum > 10_000 { throw Problem(.noCapacity, "the account is full") }
            decision.answer(message.request, "test.sum.v1", ["sum": .int(account.sum)])
            decision.emit("test.event.added.v1", key: "test.added.\(name)", subject: name, ["sum": .int(account.sum)])
        case "test.get.v1":
            try weather.strike("get")
            decision.answer(message.request, "test.sum.v1", ["sum": .int(account.sum), "total": .int(total)])
        case "test.fact.v1":
            let number = message.body["number"]?.int ?? 0
            try weather.strike("fact \(number)")
            account.heard = (account.heard ?? []) + [number]
            try decision.save(account, kind: "account", id: name)
            decision.emit(
                "test.event.heard.v1", key: "test.heard.\(name)", subject: name, ["number": .int(number)])
        case "test.later.v1":
            decision.setTimer(name, at: decision.now + .milliseconds(50), payload: ["account": .string(name)])
            decision.answer(message.request, "test.ok.v1", [:])
        case "test.work.v1":
            account.request = message.request
            try decision.save(account, kind: "account", id: "work")
            decision.start(Activity(id: "work", name: "work", lane: "work", input: message.body))
        case "test.stop.v1":
            decision.cancelActivity("work")
        case "test.ask.v1":
            account.request = message.request
            try decision.save(account, kind: "account", id: "ask")
            decision.ask("test.get.v1", of: "nobody", [:], correlationID: "ask")
        case "test.forward.v1":
            decision.pass(message, on: "other", as: "test.get.v1", message.body)
        case Problem.messageType where message.correlationID == "ask":
            let asked = try decision.load(Account.self, kind: "account", id: "ask")
            if let request = asked?.request { decision.refuse(request, message.problem ?? Problem(.internalFault, "")) }
        default: break
        }
    }
}

/// Decides which handlings fail, and how often it was asked.
final class Weather: Sendable {
    private struct Contents {
        var errors: [String: any Error] = [:]
        var asked: [String: Int] = [:]
    }

    private let contents = Mutex(Contents())

    /// Lets what has this name fail from now on; nil: no more.
    func spoil(_ name: String, _ error: (any Error)? = Problem(.internalFault, "a secret of the inside")) {
        contents.withLock { $0.errors[name] = error }
    }

    /// How often it was tried.
    func count(_ name: String) -> Int { contents.withLock { $0.asked[name] ?? 0 } }

    func strike(_ name: String) throws {
        let error = contents.withLock { contents in
            contents.asked[name, default: 0] += 1
            return contents.errors[name]
        }
        if let error { throw error }
    }
}
