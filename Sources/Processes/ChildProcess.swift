internal import CLinux
internal import Glibc
internal import Synchronization

/// A process that this one has started.
///
/// Its end is noticed, and its remains cleared away, whether anybody waits for it or not. Letting go of the object does
/// not end the process.
package final class ChildProcess: Sendable {
    private struct State {
        var status: ExitStatus?
        var waiters: [Int: CheckedContinuation<ExitStatus?, Never>] = [:]
        var lastWaiter = 0
        /// Whether what is left of its group is to be killed when the process itself ends.
        var takesGroupAlong = false
    }

    /// The program's name, for messages.
    package let name: String
    package let identity: ProcessIdentity
    package var pid: Int32 { identity.pid }
    /// Whether it leads a process group, and signals go to all of it.
    let leadsGroup: Bool
    private let state: Mutex<State>

    init(name: String, identity: ProcessIdentity, leadsGroup: Bool, takesGroupAlong: Bool) {
        self.name = name
        self.identity = identity
        self.leadsGroup = leadsGroup
        state = Mutex(State(takesGroupAlong: takesGroupAlong))
    }

    /// Starts a process.
    package static func spawn(_ settings: ProcessSettings) async throws(ProcessError) -> ChildProcess {
        try await spawn(settings, takesGroupAlong: false)
    }

    static func spawn(
        _ settings: ProcessSettings, takesGroupAlong: Bool
    ) async throws(ProcessError) -> ChildProcess {
        let command = try SpawnCommand(settings)
        return try await ProcessKeeper.shared.perform { watches in
            Result { () throws(ProcessError) in
                try command.spawn(takesGroupAlong: takesGroupAlong, &watches)
            }
        }
    }

    /// How it ended, or nil as long as it runs.
    package var status: ExitStatus? { state.withLock(\.status) }

    /// Waits for its end; at once where it has ended already. Cancelling the task does not end this wait: end the process.
    package func wait() async -> ExitStatus {
        await withCheckedContinuation { (continuation: CheckedContinuation<ExitStatus?, Never>) in
            _ = enroll(continuation)
        } ?? .exited(-1)
    }

    /// Waits for its end, but no longer than this; nil where it still runs then.
    package func wait(upTo limit: Duration) async -> ExitStatus? {
        await withCheckedContinuation { continuation in
            guard let waiter = enroll(continuation) else { return }
            Task {
                try? await Task.sleep(for: limit)
                state.withLock { $0.waiters.removeValue(forKey: waiter) }?.resume(returning: nil)
            }
        }
    }

    /// Sends a signal to it, and to all of its group where it leads one. Nothing happens once it has ended.
    package func signal(_ number: Int32) {
        // Under the lock, since its number is another's once its end has been taken note of.
        state.withLock { state in
            if state.status == nil { _ = Glibc.kill(leadsGroup ? -pid : pid, number) }
        }
    }

    /// Asks it to end (SIGTERM), kills it (SIGKILL) if it still runs after the grace, and waits for its end. What is
    /// then left of its process group is killed.
    @discardableResult
    package func terminate(grace: Duration) async -> ExitStatus {
        state.withLock { $0.takesGroupAlong = leadsGroup }
        signal(SIGTERM)
        if let status = await wait(upTo: grace) { return status }
        signal(SIGKILL)
        return await wait()
    }

    /// Kills it (SIGKILL) with all of its process group, and waits for its end.
    @discardableResult
    package func kill() async -> ExitStatus {
        state.withLock { $0.takesGroupAlong = leadsGroup }
        signal(SIGKILL)
        return await wait()
    }

    private func enroll(_ continuation: CheckedContinuation<ExitStatus?, Never>) -> Int? {
        let (waiter, status) = state.withLock { state -> (Int?, ExitStatus?) in
            guard state.status == nil else { return (nil, state.status) }
            state.lastWaiter += 1
            state.waiters[state.lastWaiter] = continuation
            return (state.lastWaiter, nil)
        }
        if waiter == nil { continuation.resume(returning: status) }
        return waiter
    }

    /// Takes note of its end: called on the keeper's thread, once, after the kernel has told of it.
    func reap() {
        let (status, waiters) = state.withLock { state in
            // Before it is reaped, because until then no other process can be given its number.
            if state.takesGroupAlong { _ = Glibc.kill(-pid, SIGKILL) }
            var word: Int32 = 0
            while waitpid(pid, &word, 0) < 0, errno == EINTR {}
            // The macros WIFEXITED, WEXITSTATUS and WTERMSIG of wait(2).
            let status = word & 0x7f == 0 ? ExitStatus.exited(word >> 8 & 0xff) : .signalled(word & 0x7f)
            state.status = status
            defer { state.waiters = [:] }
            return (status, Array(state.waiters.values))
        }
        for waiter in waiters { waiter.resume(returning: status) }
    }
}
