import FoundationEssentials
import Glibc
import Store
import StoreSQL
import TestSupport
import Testing
import Wire

@testable import StoreSQLite

/// What a file adds to the contract: it lasts, has one owner, and its faults are told in plain words.
@Suite struct SQLiteStoreTests {
    // MARK: It lasts

    @Test func `opened again, a store holds everything, and its numbers go on`() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/store.sqlite"
            let first = try await SQLiteStore.open(path: path)
            for number in 1...5 { try await first.fill(with: number) }
            let before = try await first.everything()
            await first.close()

            let second = try await SQLiteStore.open(path: path)
            #expect(try await second.everything() == before)
            try await second.transact { try $0.removeOutgoing(before.outgoing.map(\.number)) }
            await second.close()

            let third = try await SQLiteStore.open(path: path)
            let next = try await third.append(1)
            #expect(next[0] > before.outgoing[4].number)
            #expect(try await third.transact { try $0.nextNumber(of: "q") } == 6)
            await third.close()
        }
    }

    @Test func `closing ends the transactions that wait, and frees the file`() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/store.sqlite"
            let store = try await SQLiteStore.open(path: path)
            async let many = withThrowingTaskGroup(of: Void.self, returning: Int.self) { group in
                for number in 0..<100 { group.addTask { try await store.fill(with: number) } }
                var done = 0
                while let result = await group.nextResult() { if case .success = result { done += 1 } }
                return done
            }
            await store.close()
            let done = await many
            #expect(!FileManager.default.fileExists(atPath: path + "-wal"))
            let again = try await SQLiteStore.open(path: path)
            #expect(try await again.outgoing().count == done)
            await again.close()
        }
    }

    @Test func `closed, a store can be opened again at once`() async throws {
        try await withTemporaryFolder { folder in
            for round in 1...50 {
                let store = try await SQLiteStore.open(path: folder + "/store.sqlite")
                #expect(try await store.transact { try $0.nextNumber(of: "rounds") } == Int64(round))
                await store.close()
            }
        }
    }

    @Test func `a store that is dropped unclosed frees its file`() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/store.sqlite"
            try await SQLiteStore.open(path: path).fill(with: 1)
            let again = try await until { try await SQLiteStore.open(path: path) }
            #expect(try await again.outgoing().count == 1)
            await again.close()
        }
    }

    @Test func `the file is for its owner alone`() async throws {
        try await withTemporaryFolder { folder in
            let store = try await SQLiteStore.open(path: folder + "/store.sqlite")
            try await store.fill(with: 1)
            for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
                var status = stat()
                #expect(stat(folder + "/" + name, &status) == 0 && status.st_mode & 0o077 == 0, "\(name)")
            }
            await store.close()
        }
    }

    // MARK: It has one owner

    @Test func `a second opener is refused, told who has it, and takes over afterwards`() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/store.sqlite"
            let first = try await SQLiteStore.open(path: path)
            let error = await #expect(throws: StoreError.self) { _ = try await SQLiteStore.open(path: path) }
            #expect(error?.code == .inUse)
            #expect(error?.message.contains(path) == true && error?.message.contains("\(getpid())") == true)
            // The refusal has not cost the first one its lock.
            await #expect(throws: StoreError.self) { _ = try await SQLiteStore.open(path: path) }
            try await first.fill(with: 1)
            await first.close()
            let second = try await SQLiteStore.open(path: path)
            #expect(try await second.outgoing().count == 1)
            await second.close()
        }
    }

    @Test func `another process is refused`() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/store.sqlite"
            let store = try await SQLiteStore.open(path: path)
            await #expect(processExitsWith: .success) { [path = path as String] in
                let error = await #expect(throws: StoreError.self) { _ = try await SQLiteStore.open(path: path) }
                #expect(error?.code == .inUse)
                #expect(error?.message.contains("\(getppid())") == true)
            }
            await store.close()
        }
    }

    @Test func `a file that another program reads is in use`() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/store.sqlite"
            let store = try await SQLiteStore.open(path: path)
            await store.close()
            // As the sqlite3 shell would: without our lock, in the midst of a read.
            let other = try RawFile(path)
            try other.run("BEGIN; SELECT count(*) FROM state")
            let error = await #expect(throws: StoreError.self) { _ = try await SQLiteStore.open(path: path) }
            #expect(error?.code == .inUse)
            other.close()
            try await SQLiteStore.open(path: path).close()
        }
    }

    // MARK: Files that are none of ours

    @Test func `a newer version is left alone`() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/store.sqlite"
            try await SQLiteStore.open(path: path).close()
            let other = try RawFile(path)
            try other.run("PRAGMA user_version = 99")
            other.close()
            let error = await #expect(throws: StoreError.self) { _ = try await SQLiteStore.open(path: path) }
            #expect(error?.code == .tooNew)
            #expect(error?.message.contains("99") == true)
        }
    }

    @Test func `another program's database is left alone`() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/other.sqlite"
            let other = try RawFile(path)
            try other.run("CREATE TABLE mine (a)")
            other.close()
            let before = try Data(contentsOf: URL(filePath: path))
            let error = await #expect(throws: StoreError.self) { _ = try await SQLiteStore.open(path: path) }
            #expect(error?.code == .damaged)
            #expect(try Data(contentsOf: URL(filePath: path)) == before)
        }
    }

    @Test func `a file that is no database is left alone`() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/text"
            let text = Data(String(repeating: "This is a letter to my aunt. ", count: 500).utf8)
            try text.write(to: URL(filePath: path))
            let error = await #expect(throws: StoreError.self) { _ = try await SQLiteStore.open(path: path) }
            #expect(error?.code == .damaged)
            #expect(try Data(contentsOf: URL(filePath: path)) == text)
        }
    }

    @Test(arguments: ["/missing/store.sqlite", "/file/store.sqlite", "/folder", "/nul\0"])
    func `a path that cannot be is not accessible`(name: String) async throws {
        try await withTemporaryFolder { folder in
            try Data().write(to: URL(filePath: folder + "/file"))
            try FileManager.default.createDirectory(atPath: folder + "/folder", withIntermediateDirectories: false)
            let error = await #expect(throws: StoreError.self) { _ = try await SQLiteStore.open(path: folder + name) }
            #expect(error?.code == .notAccessible)
        }
    }

    @Test func `names to which SQLite gives a meaning are names of files`() async throws {
        #expect(throws: StoreError.self) { _ = try Database(path: "") }
        try await withTemporaryFolder { folder in
            for name in [":memory:", "file:x?mode=memory", "ü %41"] {
                try await SQLiteStore.open(path: folder + "/" + name).close()
                #expect(FileManager.default.fileExists(atPath: folder + "/" + name))
            }
        }
    }

    // MARK: Faults

    @Test func `damage is told as damage`() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/store.sqlite"
            let store = try await SQLiteStore.open(path: path)
            try await store.transact { transaction in
                for number in 0..<2_000 {
                    let key = StateKey(kind: "k", id: "\(number)")
                    try transaction.save(StoredState(key: key, bytes: Array(repeating: 1, count: 500)))
                }
            }
            await store.close()
            // Every page but the first is overwritten.
            var bytes = try Data(contentsOf: URL(filePath: path))
            for index in 4_096..<bytes.count { bytes[index] = 0xA5 }
            try bytes.write(to: URL(filePath: path))

            let damaged = try await SQLiteStore.open(path: path)
            let error = await #expect(throws: StoreError.self) { _ = try await damaged.ids(ofKind: "k", limit: 9) }
            #expect(error?.code == .damaged)
            await damaged.close()
        }
    }

    @Test func `a fault that the body passes over rolls all back`() async throws {
        try await withTemporaryFolder { folder in
            let store = try await SQLiteStore.open(path: folder + "/store.sqlite", maximumPages: 40)
            let error = await #expect(throws: StoreError.self) {
                try await store.transact { transaction in
                    try transaction.fill(with: 1)
                    let large = StoredState(
                        key: StateKey(kind: "k", id: "2"), bytes: Array(repeating: 0, count: 500_000))
                    try? transaction.save(large)
                    try? transaction.fill(with: 3)
                }
            }
            #expect(error?.code == .full)
            #expect(try await store.everything().outgoing == [])
            try await store.fill(with: 4)
            #expect(try await store.everything().outgoing.map(\.body) == [[4]])
            await store.close()
        }
    }

    @Test(.enabled(if: getuid() == 0, "mounting a small file system takes root"))
    func `a full disk is told as such, and with space again the work goes on`() async throws {
        try await withTemporaryFolder { folder in
            // Where even root may not mount (an unprivileged container), the test before this one has to do.
            guard mount("execbus-test", folder, "tmpfs", 0, "size=1m") == 0 else { return }
            defer { umount2(folder, Int32(MNT_DETACH)) }
            let store = try await SQLiteStore.open(path: folder + "/store.sqlite")
            try await store.fill(with: 1)
            let before = try await store.everything()
            let ballast = folder + "/ballast"
            let descriptor = creat(ballast, 0o600)
            let block = [UInt8](repeating: 0, count: 4_096)
            while write(descriptor, block, block.count) > 0 {}
            close(descriptor)

            let error = await #expect(throws: StoreError.self) {
                try await store.transact { transaction in
                    try transaction.fill(with: 2)
                    let key = StateKey(kind: "large", id: "1")
                    try transaction.save(StoredState(key: key, bytes: Array(repeating: 0, count: 100_000)))
                }
            }
            #expect(error?.code == .full)
            #expect(error?.message.contains("free some space") == true)
            #expect(try await store.everything() == before)
            unlink(ballast)
            try await store.fill(with: 2)
            #expect(try await store.everything().outgoing.count == 2)
            await store.close()
        }
    }

    // MARK: Speed

    @Test(arguments: Query.allCases)
    func `no statement reads a whole table or sorts`(query: Query) async throws {
        try await withTemporaryFolder { folder in
            let database = try Database(path: folder + "/store.sqlite")
            let plan = try database.text("EXPLAIN QUERY PLAN " + query.sql, column: 3)
            #expect(
                !plan.contains("SCAN state") && !plan.contains("SCAN inbox") && !plan.contains("TEMP B-TREE"), "\(plan)"
            )
            if query == .statesOfGroupAfter { #expect(plan.contains("state_by_group"), "\(plan)") }
            if query == .dueTimers { #expect(plan.contains("timer_by_due"), "\(plan)") }
        }
    }
}
