import FoundationEssentials
import Glibc
import Store
import Synchronization
import TestSupport
import Testing
import Wire

@testable import StoreSQLite

/// A process that dies, or a machine that loses its power, loses no transaction that was committed and keeps none by half.
@Suite struct SQLiteCrashTests {
    @Test(arguments: [0, 1, 7, 50, 333])
    func `killed at any moment, a store has all that was committed`(commits: Int) async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/store.sqlite"
            await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String, commits = commits as Int] in
                let committed = Committed()
                let store = try await SQLiteStore.open(path: path)
                // Another thread kills while the store's own one works on, wherever it is just then.
                Task.detached {
                    while committed.count.load(ordering: .relaxed) < commits {}
                    kill(getpid(), SIGKILL)
                }
                try await writeUntilKilled(store, journal: path + ".journal", committed)
            }
            try await expectAllOf(journal: path + ".journal", in: path)
        }
    }

    @Test(arguments: [1, 2, 20])
    func `killed inside a transaction, a store has all before it and none of it`(last: Int) async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/store.sqlite"
            await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String, last = last as Int] in
                let store = try await SQLiteStore.open(path: path)
                try await writeUntilKilled(store, journal: path + ".journal", Committed()) { number in
                    if number == last { kill(getpid(), SIGKILL) }
                }
            }
            let found = try await expectAllOf(journal: path + ".journal", in: path)
            #expect(found == last - 1)
        }
    }

    /// What a loss of power leaves of the log: any beginning of it, and perhaps rubbish behind.
    @Test(arguments: [false, true])
    func `of a torn log, whole transactions are found again, in their order`(withRubbish: Bool) async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/store.sqlite"
            let store = try await SQLiteStore.open(path: path)
            for number in 1...12 { try await store.fill(with: number) }
            let file = try Data(contentsOf: URL(filePath: path))
            let log = try Data(contentsOf: URL(filePath: path + "-wal"))
            await store.close()

            var counts: [Int] = []
            for cut in stride(from: 0, to: log.count, by: log.count / 40 + 1).map({ $0 }) + [log.count] {
                let copy = folder + "/copy\(cut).sqlite"
                let rubbish = withRubbish ? Data(repeating: 0x5A, count: log.count - cut) : Data()
                try file.write(to: URL(filePath: copy))
                try (log.prefix(cut) + rubbish).write(to: URL(filePath: copy + "-wal"))
                counts.append(try await expectWholeTransactions(in: copy))
            }
            #expect(counts == counts.sorted())
            #expect(counts.last == 12)
            #expect(Set(counts).count > 8, "\(counts)")
        }
    }
}

/// How many transactions have returned, for a thread beside them.
private final class Committed: Sendable {
    let count = Atomic(0)
}

/// Writes transactions one after the other, and after each a byte to a journal, until the process is killed.
private func writeUntilKilled(
    _ store: SQLiteStore, journal: String, _ committed: Committed, inside: @escaping @Sendable (Int) -> Void = { _ in }
) async throws {
    let descriptor = open(journal, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    for number in 1... {
        try await store.transact { transaction in
            try transaction.fill(with: number)
            inside(number)
        }
        var byte: UInt8 = 0x2E
        _ = write(descriptor, &byte, 1)
        committed.count.add(1, ordering: .relaxed)
    }
}

/// At the kill one transaction may have been committed and not yet been noted; no more, and none fewer.
@discardableResult
private func expectAllOf(journal: String, in path: String) async throws -> Int {
    let noted = (try? Data(contentsOf: URL(filePath: journal)).count) ?? 0
    let found = try await expectWholeTransactions(in: path)
    #expect((noted...noted + 1).contains(found))
    return found
}

/// Expects of each transaction all rows or none, without a gap; returns how many there are.
private func expectWholeTransactions(in path: String) async throws -> Int {
    let store = try await SQLiteStore.open(path: path)
    let count = try await store.outgoing(limit: .max).count
    let everything = try await store.everything(upTo: count + 1)
    #expect(Set(everything.states.map(\.key.id)) == Set((1...count + 1).dropLast().map { "\($0)" }))
    #expect(everything.entries.compactMap { $0 }.count == count)
    #expect(everything.timers.count == count)
    #expect(try await store.transact { try $0.nextNumber(of: "q") } == Int64(count) + 1)
    await store.close()
    return count
}
