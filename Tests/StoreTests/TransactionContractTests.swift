import Store
import Testing
import Wire

/// What every store promises of transactions as a whole.
@Suite struct TransactionContractTests {
    private struct Refusal: Error, Equatable {}

    @Test(arguments: Engine.allCases)
    func `a body that throws leaves nothing, and its error is thrown`(engine: Engine) async throws {
        try await engine.withStore { store in
            try await store.fill(with: 1)
            let before = try await store.everything()
            await #expect(throws: Refusal()) {
                try await store.transact { transaction in
                    try transaction.fill(with: 2)
                    try transaction.delete(StateKey(kind: "k", id: "1"))
                    try transaction.forget(InboxKey(sender: "s", messageID: "1"))
                    _ = try transaction.pruneInbox(before: instant(100), limit: 100)
                    try transaction.removeOutgoing(try transaction.outgoing(after: 0, limit: 9).map(\.number))
                    try transaction.cancelTimer("t1")
                    throw Refusal()
                }
            }
            #expect(try await store.everything() == before)
            // What was rolled back does not stand in the way of what follows.
            try await store.fill(with: 2)
            #expect(try await store.transact { try $0.nextNumber(of: "q") } == 3)
        }
    }

    @Test(arguments: Engine.allCases)
    func `transactions from many tasks all take effect, one after the other`(engine: Engine) async throws {
        try await engine.withStore { store in
            let key = StateKey(kind: "counter", id: "1")
            let numbers = try await withThrowingTaskGroup(of: Int64.self) { group in
                for _ in 0..<200 {
                    group.addTask {
                        try await store.transact { transaction in
                            let count = try transaction.state(key)?.bytes.first ?? 0
                            try transaction.save(StoredState(key: key, bytes: [count + 1]))
                            return try transaction.append(envelope: [], body: [count])
                        }
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(Set(numbers).count == 200)
            #expect(try await store.state(key)?.bytes == [200])
            #expect(try await store.outgoing().map(\.body) == (0..<200).map { [UInt8($0)] })
        }
    }

    @Test(arguments: Engine.allCases)
    func `transactions of one task take effect in their order`(engine: Engine) async throws {
        try await engine.withStore { store in
            for number in 1...50 {
                let next = try await store.transact { try $0.nextNumber(of: "order") }
                #expect(next == Int64(number))
            }
        }
    }

    @Test(arguments: Engine.allCases)
    func `a closed store says so`(engine: Engine) async throws {
        try await engine.withStore { store in
            try await store.fill(with: 1)
            await store.close()
            await store.close()
            let error = await #expect(throws: StoreError.self) { try await store.transact { _ in } }
            #expect(error?.code == .closed)
        }
    }
}

/// All that a store holds, as far as `fill` writes it.
struct Everything: Equatable {
    var states: [StoredState]
    var entries: [InboxEntry?]
    var outgoing: [OutboxRow]
    var timers: [StoredTimer]
}

extension StoreTransaction {
    /// Writes one row of each kind.
    func fill(with number: Int) throws {
        let bytes = [UInt8(truncatingIfNeeded: number)]
        try save(StoredState(key: StateKey(kind: "k", id: "\(number)"), group: "g", bytes: bytes))
        try save(
            InboxEntry(
                key: InboxKey(sender: "s", messageID: "\(number)"), fingerprint: bytes, received: instant(number),
                replyTo: "r", correlationID: nil, answer: bytes))
        _ = try append(envelope: bytes, body: bytes)
        try setTimer(StoredTimer(name: "t\(number)", due: instant(number), payload: bytes))
        _ = try nextNumber(of: "q")
    }

    func everything(upTo number: Int) throws -> Everything {
        Everything(
            states: try states(ofKind: "k", group: "g", after: nil, limit: .max),
            entries: try (0...number).map { try inboxEntry(InboxKey(sender: "s", messageID: "\($0)")) },
            outgoing: try outgoing(after: 0, limit: .max),
            timers: try dueTimers(at: instant(1_000_000), limit: .max))
    }
}

extension Store {
    func fill(with number: Int) async throws { try await transact { try $0.fill(with: number) } }

    func everything(upTo number: Int = 9) async throws -> Everything {
        try await transact { try $0.everything(upTo: number) }
    }
}
