import Store
import Testing
import Wire

/// What every store promises of states and sequences.
@Suite struct StateContractTests {
    @Test(arguments: Engine.allCases)
    func `a state is read as it was saved, until it is deleted`(engine: Engine) async throws {
        try await engine.withStore { store in
            let key = StateKey(kind: "session", id: "1")
            let first = StoredState(key: key, group: "ada", bytes: [1, 2])
            let second = StoredState(key: key, bytes: [])
            try await store.transact { try $0.save(first) }
            #expect(try await store.state(key) == first)
            try await store.transact { try $0.save(second) }
            #expect(try await store.state(key) == second)
            #expect(try await store.state(StateKey(kind: "offer", id: "1")) == nil)
            try await store.transact { transaction in
                try transaction.delete(key)
                try transaction.delete(StateKey(kind: "session", id: "never there"))
            }
            #expect(try await store.state(key) == nil)
        }
    }

    @Test(arguments: Engine.allCases)
    func `a transaction sees its own writes`(engine: Engine) async throws {
        try await engine.withStore { store in
            try await store.transact { transaction in
                let state = StoredState(key: StateKey(kind: "k", id: "1"), group: "g", bytes: [7])
                try transaction.save(state)
                #expect(try transaction.state(state.key) == state)
                #expect(try transaction.states(ofKind: "k", group: "g", after: nil, limit: 5) == [state])
                try transaction.delete(state.key)
                #expect(try transaction.state(state.key) == nil)
            }
        }
    }

    @Test(arguments: Engine.allCases)
    func `states are listed by the bytes of their ids, page by page`(engine: Engine) async throws {
        try await engine.withStore { store in
            // In the order of their UTF-8 bytes, which is not that of any language.
            let ids = ["", "A", "Z", "a", "aa", "z", "é", "日", "🛰"]
            try await store.transact { transaction in
                for id in ids.reversed() {
                    try transaction.save(StoredState(key: StateKey(kind: "k", id: id), bytes: []))
                    try transaction.save(StoredState(key: StateKey(kind: "other", id: id), bytes: []))
                }
            }
            #expect(try await store.ids(ofKind: "k", limit: 100) == ids)
            #expect(try await store.ids(ofKind: "k", limit: 3) == ["", "A", "Z"])
            #expect(try await store.ids(ofKind: "k", after: "Z", limit: 3) == ["a", "aa", "z"])
            #expect(try await store.ids(ofKind: "k", after: "", limit: 1) == ["A"])
            #expect(try await store.ids(ofKind: "k", after: "b", limit: 1) == ["z"])
            #expect(try await store.ids(ofKind: "k", after: "🛰", limit: 9) == [])
            #expect(try await store.ids(ofKind: "none", limit: 9) == [])
            #expect(try await store.ids(ofKind: "k", limit: 0) == [])
            #expect(try await store.ids(ofKind: "k", limit: -1) == [])
            #expect(try await store.ids(ofKind: "k", limit: .max).count == ids.count)
        }
    }

    @Test(arguments: Engine.allCases)
    func `states are listed by their group`(engine: Engine) async throws {
        try await engine.withStore { store in
            try await store.transact { transaction in
                for (id, group) in [("1", "ada"), ("2", "bob"), ("3", "ada"), ("4", nil), ("5", "ada"), ("6", "")] {
                    try transaction.save(StoredState(key: StateKey(kind: "k", id: id), group: group, bytes: []))
                }
            }
            #expect(try await store.ids(ofKind: "k", limit: 9) == ["1", "2", "3", "4", "5", "6"])
            #expect(try await store.ids(ofKind: "k", group: "ada", limit: 9) == ["1", "3", "5"])
            #expect(try await store.ids(ofKind: "k", group: "ada", after: "1", limit: 1) == ["3"])
            #expect(try await store.ids(ofKind: "k", group: "", limit: 9) == ["6"])
            #expect(try await store.ids(ofKind: "k", group: "eve", limit: 9) == [])
            // A state that leaves its group is not found under it.
            try await store.transact {
                try $0.save(StoredState(key: StateKey(kind: "k", id: "3"), group: "bob", bytes: []))
            }
            #expect(try await store.ids(ofKind: "k", group: "ada", limit: 9) == ["1", "5"])
            #expect(try await store.ids(ofKind: "k", group: "bob", limit: 9) == ["2", "3"])
        }
    }

    @Test(arguments: Engine.allCases)
    func `ids of any characters are kept apart`(engine: Engine) async throws {
        let names = [
            "", " ", "'", "\"", "'; DROP TABLE state; --", "a\0b", "a\0c", "a", "\0", "%", "_", "\\", "\n", "e\u{301}",
            "\u{e9}",
            "\u{1F1EB}\u{1F1F7}", "\u{FFFF}", String(repeating: "long", count: 10_000),
        ]
        try await engine.withStore { store in
            try await store.transact { transaction in
                for (index, name) in names.enumerated() {
                    let bytes = [UInt8(index)]
                    let state = StoredState(key: StateKey(kind: name, id: name), group: name, bytes: bytes)
                    try transaction.save(state)
                    try transaction.save(
                        InboxEntry(
                            key: InboxKey(sender: name, messageID: name), fingerprint: bytes,
                            received: .init(microseconds: 0),
                            replyTo: name, correlationID: name))
                    try transaction.setTimer(StoredTimer(name: name, due: .init(microseconds: 1), payload: bytes))
                    for _ in 0...index { _ = try transaction.nextNumber(of: name) }
                }
            }
            try await store.transact { transaction in
                for (index, name) in names.enumerated() {
                    let bytes = [UInt8(index)]
                    let state = try transaction.state(StateKey(kind: name, id: name))
                    #expect(state?.bytes == bytes)
                    #expect(state.map { Array($0.key.id.utf8) } == Array(name.utf8))
                    #expect(
                        try transaction.states(ofKind: name, group: name, after: nil, limit: 9).map(\.bytes) == [bytes])
                    let entry = try transaction.inboxEntry(InboxKey(sender: name, messageID: name))
                    #expect(entry?.fingerprint == bytes)
                    #expect(entry?.replyTo.map { Array($0.utf8) } == Array(name.utf8))
                    #expect(try transaction.nextNumber(of: name) == Int64(index) + 2)
                }
                let timers = try transaction.dueTimers(at: .init(microseconds: 1), limit: 100)
                #expect(Set(timers.map(\.payload)).count == names.count)
            }
        }
    }

    @Test(arguments: Engine.allCases)
    func `ten thousand states are kept and paged through`(engine: Engine) async throws {
        try await engine.withStore { store in
            try await store.transact { transaction in
                for number in 0..<10_000 {
                    let bytes = Array(repeating: UInt8(truncatingIfNeeded: number), count: number % 3_000)
                    let key = StateKey(kind: "k", id: String(1_000_000 + (number * 7_919) % 10_000))
                    try transaction.save(StoredState(key: key, group: "g\(number % 2)", bytes: bytes))
                }
            }
            var seen: [String] = []
            while true {
                let page = try await store.ids(ofKind: "k", after: seen.last, limit: 1_000)
                if page.isEmpty { break }
                seen += page
            }
            #expect(seen == (0..<10_000).map { String(1_000_000 + $0) })
            #expect(try await store.ids(ofKind: "k", group: "g1", limit: 10_000).count == 5_000)
        }
    }

    @Test(arguments: Engine.allCases)
    func `a large state comes back whole`(engine: Engine) async throws {
        try await engine.withStore { store in
            let bytes = (0..<5_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            let state = StoredState(key: StateKey(kind: "k", id: "1"), bytes: bytes)
            try await store.transact { try $0.save(state) }
            #expect(try await store.state(state.key) == state)
        }
    }

    @Test(arguments: Engine.allCases)
    func `a sequence counts from one, each name by itself`(engine: Engine) async throws {
        try await engine.withStore { store in
            let numbers = try await store.transact { transaction in
                [
                    try transaction.nextNumber(of: "a"), try transaction.nextNumber(of: "a"),
                    try transaction.nextNumber(of: "b"), try transaction.nextNumber(of: "a"),
                ]
            }
            #expect(numbers == [1, 2, 1, 3])
        }
    }
}

extension Store {
    func state(_ key: StateKey) async throws -> StoredState? {
        try await transact { try $0.state(key) }
    }

    func ids(
        ofKind kind: String, group: String? = nil, after: String? = nil, limit: Int
    ) async throws -> [String] {
        try await transact { try $0.states(ofKind: kind, group: group, after: after, limit: limit).map(\.key.id) }
    }
}
