import Store
import Testing
import Wire

/// What every store promises of inbox, outbox and timers.
@Suite struct MessageContractTests {
    // MARK: Inbox

    @Test(arguments: Engine.allCases)
    func `a message is remembered with its answer, until it is forgotten`(engine: Engine) async throws {
        try await engine.withStore { store in
            let key = InboxKey(sender: "ada", messageID: "m1")
            var entry = InboxEntry(
                key: key, fingerprint: [1, 2, 3], received: instant(5), replyTo: "client.ada.x", correlationID: nil)
            try await store.save(entry)
            #expect(try await store.entry(key) == entry)
            entry.replyTo = nil
            entry.correlationID = "c"
            entry.answer = []
            try await store.save(entry)
            #expect(try await store.entry(key) == entry)
            entry.answer = [9]
            try await store.save(entry)
            #expect(try await store.entry(key)?.answer == [9])
            #expect(try await store.entry(InboxKey(sender: "bob", messageID: "m1")) == nil)
            try await store.transact { transaction in
                try transaction.forget(key)
                try transaction.forget(InboxKey(sender: "x", messageID: "never there"))
            }
            #expect(try await store.entry(key) == nil)
        }
    }

    @Test(arguments: Engine.allCases)
    func `the oldest messages are pruned first, and none that is young`(engine: Engine) async throws {
        try await engine.withStore { store in
            for number in [3, 1, 4, 2, 5] {
                try await store.save(
                    InboxEntry(
                        key: InboxKey(sender: "s", messageID: "\(number)"), fingerprint: [], received: instant(number),
                        replyTo: nil, correlationID: nil))
            }
            @Sendable func isKept(_ number: Int) async throws -> Bool {
                try await store.entry(InboxKey(sender: "s", messageID: "\(number)")) != nil
            }
            #expect(try await store.transact { try $0.pruneInbox(before: instant(1), limit: 9) } == 0)
            #expect(try await store.transact { try $0.pruneInbox(before: instant(5), limit: 0) } == 0)
            #expect(try await store.transact { try $0.pruneInbox(before: instant(5), limit: 2) } == 2)
            for (number, kept) in [(1, false), (2, false), (3, true), (4, true), (5, true)] {
                #expect(try await isKept(number) == kept)
            }
            #expect(try await store.transact { try $0.pruneInbox(before: instant(5), limit: 9) } == 2)
            #expect(try await isKept(5))
        }
    }

    // MARK: Outbox

    @Test(arguments: Engine.allCases)
    func `outgoing messages keep their order and bytes`(engine: Engine) async throws {
        try await engine.withStore { store in
            let numbers = try await store.append(4)
            #expect(numbers == numbers.sorted() && Set(numbers).count == 4)
            let rows = try await store.outgoing()
            #expect(rows.map(\.number) == numbers)
            #expect(rows.map(\.envelope) == [[], [0], [0, 1], [0, 1, 2]])
            #expect(rows.map(\.body) == [[0], [1], [2], [3]])
            #expect(try await store.outgoing(after: numbers[1], limit: 1).map(\.number) == [numbers[2]])
            #expect(try await store.outgoing(after: 0, limit: 0) == [])
            #expect(try await store.outgoing(after: 0, limit: -5) == [])
        }
    }

    @Test(arguments: Engine.allCases)
    func `what the broker has is removed, in any order, and nothing else`(engine: Engine) async throws {
        try await engine.withStore { store in
            let numbers = try await store.append(10)
            let gone = [numbers[7], numbers[2], numbers[3], numbers[2], numbers[9], 1_000_000, -1]
            try await store.transact { try $0.removeOutgoing(gone) }
            try await store.transact { try $0.removeOutgoing([]) }
            #expect(try await store.outgoing().map(\.number) == [0, 1, 4, 5, 6, 8].map { numbers[$0] })
        }
    }

    @Test(arguments: Engine.allCases)
    func `the number of an outgoing message is never used again`(engine: Engine) async throws {
        try await engine.withStore { store in
            let first = try await store.append(3)
            try await store.transact { try $0.removeOutgoing(first) }
            let second = try await store.append(1)
            #expect(second[0] > first[2])
        }
    }

    // MARK: Timers

    @Test(arguments: Engine.allCases)
    func `due timers come by their time, then by their name`(engine: Engine) async throws {
        try await engine.withStore { store in
            #expect(try await store.transact { try $0.nextTimer() } == nil)
            try await store.transact { transaction in
                for (name, due) in [("é", 2), ("z", 2), ("b", 1), ("a", 3), ("early", -4)] {
                    try transaction.setTimer(StoredTimer(name: name, due: instant(due), payload: Array(name.utf8)))
                }
            }
            let due = try await store.transact { try $0.dueTimers(at: instant(2), limit: 9) }
            #expect(due.map(\.name) == ["early", "b", "z", "é"])
            #expect(due.map(\.payload) == due.map { Array($0.name.utf8) })
            #expect(
                try await store.transact { try $0.dueTimers(at: instant(2), limit: 2) }.map(\.name) == ["early", "b"])
            #expect(try await store.transact { try $0.dueTimers(at: instant(-5), limit: 9) } == [])
            #expect(try await store.transact { try $0.dueTimers(at: instant(9), limit: 0) } == [])
            #expect(try await store.transact { try $0.nextTimer() } == instant(-4))
        }
    }

    @Test(arguments: Engine.allCases)
    func `a timer that is set again moves, and a cancelled one is gone`(engine: Engine) async throws {
        try await engine.withStore { store in
            try await store.transact { transaction in
                try transaction.setTimer(StoredTimer(name: "t", due: instant(1), payload: [1]))
                try transaction.setTimer(StoredTimer(name: "t", due: instant(8)))
                try transaction.setTimer(StoredTimer(name: "u", due: instant(9)))
                try transaction.cancelTimer("never there")
            }
            #expect(try await store.transact { try $0.dueTimers(at: instant(7), limit: 9) } == [])
            #expect(try await store.transact { try $0.dueTimers(at: instant(8), limit: 9) }.map(\.payload) == [[]])
            try await store.transact { try $0.cancelTimer("t") }
            #expect(try await store.transact { try $0.nextTimer() } == instant(9))
        }
    }

    @Test(arguments: Engine.allCases)
    func `instants at the ends of time are kept`(engine: Engine) async throws {
        try await engine.withStore { store in
            let ends = [Timestamp(microseconds: .min), Timestamp(microseconds: .max)]
            try await store.transact { transaction in
                for (name, due) in zip(["first", "last"], ends) {
                    try transaction.setTimer(StoredTimer(name: name, due: due))
                }
            }
            let found = try await store.transact { try $0.dueTimers(at: ends[1], limit: 9) }
            #expect(found.map(\.due) == ends)
        }
    }
}

func instant(_ seconds: Int) -> Timestamp { Timestamp(microseconds: Int64(seconds) * 1_000_000) }

extension Store {
    func entry(_ key: InboxKey) async throws -> InboxEntry? {
        try await transact { try $0.inboxEntry(key) }
    }

    func save(_ entry: InboxEntry) async throws {
        try await transact { try $0.save(entry) }
    }

    func append(_ count: Int) async throws -> [Int64] {
        try await transact { transaction in
            try (0..<count).map {
                try transaction.append(envelope: (0..<$0).map(UInt8.init), body: [UInt8(truncatingIfNeeded: $0)])
            }
        }
    }

    func outgoing(after: Int64 = 0, limit: Int = 1_000) async throws -> [OutboxRow] {
        try await transact { try $0.outgoing(after: after, limit: limit) }
    }
}
