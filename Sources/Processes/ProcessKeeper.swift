internal import CLinux
internal import Glibc
internal import Synchronization

/// The one thread of this program that starts children, reads what they write and hears of their ends.
///
/// It lives as long as the program: the kernel's "die with your parent" means the parent's thread, and those of the
/// cooperative pool come and go. What it runs never waits.
final class ProcessKeeper: Sendable {
    /// The descriptors that it waits for, each with what to do once there is something to read.
    struct Watches {
        typealias Handler = @Sendable (inout Watches) -> Void

        private var handlers: [Int32: (number: UInt64, handler: Handler)] = [:]
        private var lastNumber: UInt64 = 0

        var descriptors: some Sequence<Int32> { handlers.keys }

        /// Begins to wait. The watch is known by its number, since the descriptor's is another's once it is closed.
        @discardableResult
        mutating func add(_ descriptor: Int32, _ handler: @escaping Handler) -> UInt64 {
            lastNumber += 1
            handlers[descriptor] = (lastNumber, handler)
            return lastNumber
        }

        /// Ends a watch; false where it has ended before, whoever has the descriptor's number now.
        mutating func remove(_ descriptor: Int32, _ number: UInt64) -> Bool {
            guard handlers[descriptor]?.number == number else { return false }
            handlers[descriptor] = nil
            return true
        }

        mutating func remove(_ descriptor: Int32) { handlers[descriptor] = nil }

        func handler(of descriptor: Int32) -> Handler? { handlers[descriptor]?.handler }
    }

    static let shared = ProcessKeeper()

    private let jobs = Mutex<[@Sendable (inout Watches) -> Void]>([])
    private let wakeUp: Int32
    /// Why there is no such thread, where there is none.
    private let fault: ProcessError?

    private init() {
        wakeUp = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard wakeUp >= 0 else {
            fault = .system("cannot watch over child processes")
            return
        }
        fault = nil
        let me = Unmanaged.passRetained(self)
        var thread = pthread_t()
        pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<ProcessKeeper>.fromOpaque(argument).takeRetainedValue().loop()
            }, me.toOpaque())
    }

    /// Does something on the thread and returns what came of it.
    func perform<Value: Sendable>(
        _ body: @escaping @Sendable (inout Watches) -> Result<Value, ProcessError>
    ) async throws(ProcessError) -> Value {
        if let fault { throw fault }
        let result = await withCheckedContinuation { continuation in
            jobs.withLock { $0.append { watches in continuation.resume(returning: body(&watches)) } }
            var one: UInt64 = 1
            write(wakeUp, &one, MemoryLayout<UInt64>.size)
        }
        return try result.get()
    }

    private func loop() -> Never {
        var watches = Watches()
        while true {
            for job in jobs.withLock({ jobs in
                defer { jobs = [] }
                return jobs
            }) {
                job(&watches)
            }
            var waiting = ([wakeUp] + watches.descriptors).map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            guard poll(&waiting, nfds_t(waiting.count), -1) > 0 else { continue }
            for ready in waiting where ready.revents != 0 {
                if ready.fd == wakeUp {
                    var count: UInt64 = 0
                    read(wakeUp, &count, MemoryLayout<UInt64>.size)
                } else {
                    // A handler before this one may have ended the watch.
                    watches.handler(of: ready.fd)?(&watches)
                }
            }
        }
    }
}
