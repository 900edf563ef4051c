import LocalNetwork
import TestSupport
import Testing

@Suite struct DiskSpaceTests {
    @Test func `a folder that is not there yet is measured where it is going to be`() async throws {
        try await withTemporaryFolder { folder in
            let free = try #require(DiskSpace.free(at: folder))
            #expect(free > 0)
            #expect(DiskSpace.free(at: folder + "/not/there") != nil)
            #expect(DiskSpace.free(at: "/") != nil)
            try DiskSpace.require(1, at: folder + "/not/there")
        }
    }

    @Test func `too little room is told in one line that says what to do`() async throws {
        try await withTemporaryFolder { folder in
            let error = #expect(throws: LocalNetworkError.self) { try DiskSpace.require(.max, at: folder) }
            #expect(error?.message.hasPrefix("the disk of \(folder) is full: make room, 300 MB are needed") == true)
        }
    }
}
