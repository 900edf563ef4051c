import FoundationEssentials
import Glibc
import LocalNetwork
import TestSupport
import Testing

@Suite struct NetworkStateTests {
    private let description = NetworkDescription(
        amqp: "amqp://127.0.0.1:5000/execbus", sites: [], workers: [], users: [])

    @Test func `a folder tells what runs in it, and asking changes nothing`() async throws {
        try await withTemporaryFolder { path in
            let folder = NetworkFolder(path)
            #expect(try NetworkState(of: folder) == .absent)
            #expect(try NetworkState(of: NetworkFolder(path + "/nowhere")) == .absent)
            #expect(try FileManager.default.contentsOfDirectory(atPath: path) == [])

            let claim = try await NetworkClaim(folder)
            #expect(try NetworkState(of: folder) == .busy(process: getpid()))
            try description.write(to: path)
            #expect(try NetworkState(of: folder) == .serving(description, process: getpid()))
            claim.release()
            #expect(try NetworkState(of: folder) == .killed)
            NetworkDescription.remove(from: path)
            #expect(try NetworkState(of: folder) == .absent)
        }
    }

    @Test func `a folder is claimed once, and can be again when it is given back`() async throws {
        try await withTemporaryFolder { path in
            let folder = NetworkFolder(path)
            let first = try await NetworkClaim(folder)
            let error = await #expect(throws: LocalNetworkError.self) { try await NetworkClaim(folder) }
            #expect(error?.code == .inUse)
            #expect(error?.message.contains("\(path) (process \(getpid()))") == true, "\(error?.message ?? "")")
            first.release()
            let second = try await NetworkClaim(folder)
            #expect(try NetworkState(of: folder) == .busy(process: getpid()))
            second.release()
        }
    }

    @Test func `who asks whether a folder is in use does not keep another from claiming it`() async throws {
        try await withTemporaryFolder { path in
            let folder = NetworkFolder(path)
            try await NetworkClaim(folder).release()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<3 { group.addTask { for _ in 0..<300 { _ = NetworkClaim.isHeld(on: folder) } } }
                group.addTask { for _ in 0..<100 { try await NetworkClaim(folder).release() } }
                try await group.waitForAll()
            }
        }
    }

    @Test func `who has the claim can empty the folder, and still has it`() async throws {
        try await withTemporaryFolder { path in
            let folder = NetworkFolder(path)
            let claim = try await NetworkClaim(folder)
            try PrivateFile.makeFolder(path + "/sites/ral")
            try PrivateFile.write([1], to: path + "/sites/ral/site.json")
            try description.write(to: path)
            try claim.removeContents()
            #expect(!FileManager.default.fileExists(atPath: path + "/sites"))
            #expect(try NetworkState(of: folder) == .busy(process: getpid()))
            claim.release()
        }
    }

    @Test func `users keep their passwords, which nobody else may read`() async throws {
        try await withTemporaryFolder { path in
            let folder = NetworkFolder(path)
            let users = try DefaultUsers.make(keepingPasswordsIn: folder)
            #expect(Set(users.map(\.password)).count == users.count)
            #expect(try DefaultUsers.make(keepingPasswordsIn: folder) == users)
            var entry = stat()
            #expect(stat(folder.passwords, &entry) == 0)
            #expect(entry.st_mode & 0o777 == 0o600)
        }
    }
}
