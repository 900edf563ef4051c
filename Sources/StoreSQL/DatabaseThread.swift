internal import CLinux
internal import Glibc
package import Store
internal import Synchronization

/// A thread that owns a database which no other thread ever touches, and runs jobs on it in the order of their arrival.
///
/// The mailbox is emptied as a whole at each turn, and the wake-up is written only if the thread really sleeps, so a busy
/// store costs no system call for each job.
package final class DatabaseThread<Database: SQLDatabase & SendableMetatype>: Sendable {
    package typealias Job = @Sendable (Database) -> Void
    package typealias Opening = @Sendable () throws(StoreError) -> Database

    private struct Mailbox {
        var jobs: [Job] = []
        var isSleeping = false
        var isEnding = false
        var hasEnded = false
        var waitingForEnd: [CheckedContinuation<Void, Never>] = []
    }

    private let mailbox = Mutex(Mailbox())
    /// An event counter (eventfd) that the thread reads when it has nothing to do.
    private let wake: Int32
    private let name: String

    package init(name: String) throws(StoreError) {
        self.name = name
        wake = eventfd(0, Int32(EFD_CLOEXEC))
        if wake < 0 {
            throw StoreError(
                .failed, "\(name): no event counter (\(systemMessage(errno))); raise the limit of open files")
        }
    }

    deinit { Glibc.close(wake) }

    /// Starts the thread and returns when it has opened its database; where that fails, the thread is gone again.
    package func start(_ opening: @escaping Opening) async throws(StoreError) {
        let fault: StoreError? = await withCheckedContinuation { continuation in
            let launch = Launch { self.run(opening, opened: continuation) }
            let context = Unmanaged.passRetained(launch)
            var id = pthread_t()
            let status = pthread_create(&id, nil, runDatabaseThread, context.toOpaque())
            guard status == 0 else {
                context.release()
                let reason = systemMessage(status)
                continuation.resume(returning: StoreError(.failed, "\(name): no thread can be made (\(reason))"))
                return
            }
            pthread_detach(id)
        }
        if let fault { throw fault }
    }

    /// Has a job run; false where the thread is ending and will not run it.
    private func enqueue(_ job: @escaping Job) -> Bool {
        let (isAccepted, mustWake) = mailbox.withLock { mailbox in
            if mailbox.isEnding { return (false, false) }
            mailbox.jobs.append(job)
            defer { mailbox.isSleeping = false }
            return (true, mailbox.isSleeping)
        }
        if mustWake { signal() }
        return isAccepted
    }

    /// Runs `body` in a transaction; see `Store.transact`.
    package func transact<Value: Sendable>(
        _ body: @escaping @Sendable (any StoreTransaction) throws -> Value
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            let isAccepted = enqueue { database in
                continuation.resume(with: Result { try database.transact(body) })
            }
            if !isAccepted {
                continuation.resume(throwing: StoreError(.closed, "\(name) was closed before: open it again"))
            }
        }
    }

    /// Has the thread end after the jobs that wait.
    package func requestEnd() {
        let mustWake = mailbox.withLock { mailbox in
            mailbox.isEnding = true
            defer { mailbox.isSleeping = false }
            return mailbox.isSleeping
        }
        if mustWake { signal() }
    }

    /// Has the thread end after the jobs that wait, and returns when the database is closed.
    package func end() async {
        requestEnd()
        await withCheckedContinuation { continuation in
            let hasEnded = mailbox.withLock { mailbox in
                if !mailbox.hasEnded { mailbox.waitingForEnd.append(continuation) }
                return mailbox.hasEnded
            }
            if hasEnded { continuation.resume() }
        }
    }

    private func signal() {
        var one: UInt64 = 1
        while write(wake, &one, MemoryLayout<UInt64>.size) < 0, errno == EINTR {}
    }

    // MARK: On the thread

    private func run(_ opening: Opening, opened: CheckedContinuation<StoreError?, Never>) {
        let database: Database
        do throws(StoreError) {
            database = try opening()
        } catch {
            finish()
            opened.resume(returning: error)
            return
        }
        opened.resume(returning: nil)
        while let jobs = nextJobs(database) {
            for job in jobs { job(database) }
        }
        database.close()
        finish()
    }

    /// Waits for jobs; nil when there are none and there will be none.
    private func nextJobs(_ database: Database) -> [Job]? {
        while true {
            let (jobs, isOver) = mailbox.withLock { mailbox in
                let jobs = mailbox.jobs
                mailbox.jobs = []
                mailbox.isSleeping = jobs.isEmpty && !mailbox.isEnding
                return (jobs, jobs.isEmpty && mailbox.isEnding)
            }
            if isOver { return nil }
            if !jobs.isEmpty { return jobs }
            if let idle = database.idle {
                var waits = [
                    pollfd(fd: wake, events: Int16(POLLIN), revents: 0),
                    pollfd(fd: idle.descriptor, events: Int16(POLLIN), revents: 0),
                ]
                let count = poll(&waits, 2, idle.limit)
                if count == 0 || waits[1].revents != 0 { database.attend() }
                if waits[0].revents == 0 { continue }
            }
            var count: UInt64 = 0
            _ = read(wake, &count, MemoryLayout<UInt64>.size)
        }
    }

    private func finish() {
        let waiting = mailbox.withLock { mailbox in
            mailbox.isEnding = true
            mailbox.hasEnded = true
            defer { mailbox.waitingForEnd = [] }
            return mailbox.waitingForEnd
        }
        for continuation in waiting { continuation.resume() }
    }
}

/// What a new thread is given: no type of a database, since a C function is not generic.
private final class Launch: Sendable {
    let main: @Sendable () -> Void

    init(_ main: @escaping @Sendable () -> Void) { self.main = main }
}

private func runDatabaseThread(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let context else { return nil }
    // Signals are the business of the program's own threads.
    var all = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_BLOCK, &all, nil)
    Unmanaged<Launch>.fromOpaque(context).takeRetainedValue().main()
    return nil
}
