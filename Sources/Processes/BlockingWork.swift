internal import Glibc
internal import Synchronization

/// Work that blocks (files, C libraries that wait), run on a thread of its own, so that the cooperative pool, which
/// has only as many threads as the machine has cores, stays free for everything else.
package enum BlockingWork {
    /// Runs `body` on a new thread and waits for its result without blocking the caller's.
    ///
    /// A cancelled task raises the flag that `body` gets; `body` looks at it between steps and decides how to stop.
    /// The call always waits until `body` has returned: nothing goes on behind the caller's back.
    package static func run<Value: Sendable>(
        _ body: @escaping @Sendable (Cancellation) throws -> Value
    ) async throws -> Value {
        let cancellation = Cancellation()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Value, any Error>) in
                let job = ThreadJob { continuation.resume(with: Result { try body(cancellation) }) }
                if let failure = startThread(job) { continuation.resume(throwing: failure) }
            }
        } onCancel: {
            cancellation.cancel()
        }
    }

    /// A flag that says "stop at the next good moment".
    package final class Cancellation: Sendable {
        private let flag = Atomic<Bool>(false)

        package init() {}

        /// Whether somebody asked for the end.
        package var isCancelled: Bool { flag.load(ordering: .relaxed) }

        /// Asks for the end; it cannot be taken back.
        package func cancel() { flag.store(true, ordering: .relaxed) }

        /// Throws `CancellationError` where somebody asked for the end.
        package func check() throws {
            if isCancelled { throw CancellationError() }
        }
    }
}

/// The system refused a new thread.
package struct ThreadStartError: Error, CustomStringConvertible {
    /// The value of errno.
    package let code: Int32

    package var description: String { "no new thread: \(String(cString: strerror(code)))" }
}

private final class ThreadJob {
    let work: () -> Void

    init(work: @escaping () -> Void) { self.work = work }
}

/// Hands the job to a detached thread; the error, and no thread, where the system refuses.
private func startThread(_ job: ThreadJob) -> ThreadStartError? {
    let argument = Unmanaged.passRetained(job)
    var thread = pthread_t()
    let code = pthread_create(&thread, nil, threadMain, argument.toOpaque())
    guard code == 0 else {
        argument.release()
        return ThreadStartError(code: code)
    }
    pthread_detach(thread)
    return nil
}

private func threadMain(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument else { return nil }
    Unmanaged<ThreadJob>.fromOpaque(argument).takeRetainedValue().work()
    return nil
}
