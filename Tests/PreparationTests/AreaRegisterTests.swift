import Files
import ExecutionModel
import FoundationEssentials
import Preparation
import TestSupport
import Testing
import Wire

@Suite struct AreaRegisterTests {
    private func withAreas(_ body: (AreaRegister, SessionID) async throws -> Void) async throws {
        try await withTemporaryFolder { folder in
            try await body(AreaRegister(state: folder), try #require(SessionID(session)))
        }
    }

    @Test func `who leaves last takes the area along, with what the session left in it`() async throws {
        try await withAreas { areas, session in
            let area = try await areas.enter(session, as: .prepareData)
            #expect(try await areas.enter(session, as: .canfar) == area)
            try Data("x".utf8).write(to: URL(filePath: area + "/notes"))
            try await areas.leave(session, as: .prepareData)
            #expect(FileSystem.exists(area + "/notes"))
            try await areas.leave(session, as: .canfar)
            #expect(!FileSystem.exists(area))
        }
    }

    @Test func `entering and leaving twice is as once`() async throws {
        try await withAreas { areas, session in
            try await areas.leave(session, as: .canfar)
            try await areas.enter(session, as: .canfar)
            try await areas.enter(session, as: .canfar)
            try await areas.leave(session, as: .canfar)
            try await areas.leave(session, as: .canfar)
            #expect(!FileSystem.exists(areas.path(session)))
        }
    }

    @Test func `an area is for the site alone`() async throws {
        try await withAreas { areas, session in
            let area = try await areas.enter(session, as: .canfar)
            let attributes = try FileManager.default.attributesOfItem(atPath: area)
            #expect(attributes[.posixPermissions] as? Int == 0o700)
        }
    }

    @Test func `many who come and go at once leave nothing`() async throws {
        try await withAreas { areas, session in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for participant in [ParticipantName.prepareData, .cavern, .canfar] {
                    group.addTask {
                        for _ in 0..<20 {
                            let area = try await areas.enter(session, as: participant)
                            try await areas.make(["\(participant)"], of: session)
                            #expect(FileSystem.exists("\(area)/\(participant)"))
                            try await areas.leave(session, as: participant)
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(!FileSystem.exists(areas.path(session)))
        }
    }

    @Test func `a link in an area is removed and what it leads to stays`() async throws {
        try await withAreas { areas, session in
            try await withTemporaryFolder { other in
                try Data("keep".utf8).write(to: URL(filePath: other + "/file"))
                let area = try await areas.enter(session, as: .canfar)
                try FileManager.default.createSymbolicLink(atPath: area + "/data", withDestinationPath: other)
                try await areas.remove(["data"], of: session)
                #expect(!FileSystem.exists(area + "/data"))
                try await areas.leave(session, as: .canfar)
                #expect(FileSystem.exists(other + "/file"))
            }
        }
    }
}
