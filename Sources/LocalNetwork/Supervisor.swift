package import Processes

/// Keeps a set of workers running: starts them, starts one again that dies, and ends all of them.
package actor Supervisor {
    /// What is to run.
    package struct WorkerPlan: Sendable {
        /// Its address, such as `cavern.ral`.
        package let address: String
        /// How to start it. Its standard output says `ready` once it serves.
        package let process: ProcessSettings

        package init(address: String, process: ProcessSettings) {
            self.address = address
            self.process = process
        }
    }

    /// What has happened to a worker.
    package enum Change: Sendable {
        case started(address: String, pid: Int32)
        /// It serves its queues, so long after its start.
        case ready(address: String, after: Duration)
        /// It ended without being asked, and is started again after a while.
        case ended(address: String, ExitStatus, restartsAfter: Duration)
        /// It could not even be started.
        case failed(address: String, reason: String, restartsAfter: Duration)
    }

    private let plans: [WorkerPlan]
    private let changes: AsyncStream<Change>.Continuation
    private var running: [String: ChildProcess] = [:]
    /// Those that have been ready since their last start.
    private var served: Set<String> = []
    /// Starts are numbered, so that what a process says is not taken for its successor's.
    private var lastStart = 0
    private var lastStarts: [String: Int] = [:]
    /// What said that it is ready before its start was told: how long that took, by the number of the start.
    private var early: [Int: Duration] = [:]
    private var keepers: [Task<Void, Never>] = []

    /// What happens to the workers, in order.
    package nonisolated let events: AsyncStream<Change>

    package init(_ plans: [WorkerPlan]) {
        self.plans = plans
        (events, changes) = AsyncStream.makeStream(of: Change.self)
    }

    /// Starts all workers. What becomes of them is told by `events`.
    package func start() {
        keepers = plans.map { plan in Task { await keep(plan) } }
    }

    /// The process numbers of those that run, by address.
    package var processes: [String: Int32] { running.mapValues(\.pid) }

    /// Ends all workers at once: SIGTERM, and SIGKILL for those that still run after the grace.
    package func stop(grace: Duration = .seconds(10)) async {
        for keeper in keepers { keeper.cancel() }
        let processes = Array(running.values)
        await withDiscardingTaskGroup { group in
            for process in processes { group.addTask { await process.terminate(grace: grace) } }
        }
        for keeper in keepers { await keeper.value }
        changes.finish()
    }

    private func keep(_ plan: WorkerPlan) async {
        var pause = RestartPause()
        while !Task.isCancelled {
            let begin = ContinuousClock.now
            do throws(ProcessError) {
                let process = try await start(plan, at: begin)
                let status = await process.wait()
                running[plan.address] = nil
                if Task.isCancelled { return }
                // One that served did not die of its start: it is missed, and may come back at once.
                if served.remove(plan.address) != nil { pause.reset() }
                changes.yield(.ended(address: plan.address, status, restartsAfter: pause.current))
            } catch {
                changes.yield(.failed(address: plan.address, reason: "\(error)", restartsAfter: pause.current))
            }
            try? await Task.sleep(for: pause.current)
            pause.grow()
        }
    }

    private func noteReady(_ address: String, start: Int, after time: Duration) {
        guard start == lastStarts[address] else {
            if start > lastStarts[address] ?? 0 { early[start] = time }
            return
        }
        served.insert(address)
        changes.yield(.ready(address: address, after: time))
    }

    private func start(
        _ plan: WorkerPlan, at begin: ContinuousClock.Instant
    ) async throws(ProcessError) -> ChildProcess {
        lastStart += 1
        let start = lastStart
        var settings = plan.process
        settings.output = .handler { bytes in
            guard String(decoding: bytes, as: UTF8.self).contains("ready") else { return }
            let time = ContinuousClock.now - begin
            Task { await self.noteReady(plan.address, start: start, after: time) }
        }
        settings.isKilledWithParent = true
        let process = try await ChildProcess.spawn(settings)
        running[plan.address] = process
        lastStarts[plan.address] = start
        changes.yield(.started(address: plan.address, pid: process.pid))
        if let time = early.removeValue(forKey: start) { noteReady(plan.address, start: start, after: time) }
        if Task.isCancelled { await process.terminate(grace: .seconds(1)) }
        return process
    }
}
