import Glibc
import Synchronization
import Testing

@testable import Processes

@Suite struct BlockingWorkTests {
    /// What the threads of a test share.
    private final class Shared: Sendable {
        let arrived = Atomic<Int>(0)
        let hasStopped = Atomic<Bool>(false)
    }

    private let shared = Shared()

    @Test func `work that blocks runs beside as many others as there are`() async throws {
        // Each waits for all the others: on a pool with a thread for each core this would never end.
        let shared = shared
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<32 {
                group.addTask {
                    try await BlockingWork.run { cancellation in
                        shared.arrived.add(1, ordering: .sequentiallyConsistent)
                        while shared.arrived.load(ordering: .sequentiallyConsistent) < 32 {
                            try cancellation.check()
                            usleep(1000)
                        }
                        return true
                    }
                }
            }
            for try await result in group { #expect(result) }
        }
    }

    @Test func `an error of the work is the caller's`() async {
        struct Refused: Error {}
        await #expect(throws: Refused.self) { try await BlockingWork.run { _ in throw Refused() } }
    }

    @Test func `a cancelled task raises the flag, and the call waits for the work to stop`() async {
        let (starts, started) = AsyncStream.makeStream(of: Void.self)
        let shared = shared
        await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await BlockingWork.run { cancellation in
                    started.yield()
                    while !cancellation.isCancelled { usleep(1000) }
                    shared.hasStopped.store(true, ordering: .sequentiallyConsistent)
                    try cancellation.check()
                }
            }
            for await _ in starts { break }
            group.cancelAll()
            await #expect(throws: CancellationError.self) { try await group.next() }
            let wasLeftRunning = !shared.hasStopped.load(ordering: .sequentiallyConsistent)
            #expect(!wasLeftRunning)
        }
    }
}
