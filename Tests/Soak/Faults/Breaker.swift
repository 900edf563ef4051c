internal import Glibc
internal import LocalNetwork
internal import Processes
internal import Synchronization
package import TestSupport

/// Breaks things as a schedule says, and mends at the end what does not mend itself.
package actor Breaker {
    private let network: SoakNetwork
    private let proxies: [FaultProxy]
    private let tell: @Sendable (String) -> Void
    /// How often each kind of fault has happened.
    package private(set) var counts: [String: Int] = [:]
    /// Faults that could not happen, since what they were to hit was not there.
    package private(set) var misses = 0
    /// Workers that are frozen now: who is, hears of no other signal.
    private var frozen: Set<String> = []
    private var mending: [Task<Void, Never>] = []

    private let recorder: Recorder

    package init(
        _ network: SoakNetwork, _ recorder: Recorder, proxies: [FaultProxy], tell: @escaping @Sendable (String) -> Void
    ) {
        (self.network, self.recorder, self.proxies, self.tell) = (network, recorder, proxies, tell)
    }

    /// Plays the schedule; returns when everything works again.
    package func play(_ schedule: [Fault]) async {
        let begin = ContinuousClock.now
        for fault in schedule {
            try? await Task.sleep(until: begin + .milliseconds(fault.time), clock: .continuous)
            if Task.isCancelled { break }
            tell("\(fault)")
            // Beside each other: one that takes longer does not hold up the next.
            mending.append(Task { await carryOut(fault.kind) })
        }
        // What is being broken may still add what mends it.
        while let task = mending.popLast() { await task.value }
    }

    /// Breaks something; what is to be hit may be on its way back from an earlier fault, and is waited for a little.
    private func carryOut(_ kind: Fault.Kind) async {
        for _ in 0..<20 {
            if await hit(kind) {
                counts[kind.word, default: 0] += 1
                return
            }
            try? await Task.sleep(for: .milliseconds(500))
        }
        misses += 1
    }

    private func hit(_ kind: Fault.Kind) async -> Bool {
        switch kind {
        case .kill(let worker): return process(worker).map { kill($0.pid, SIGKILL) == 0 } ?? false
        case .stop(let worker, let twice): return await stop(worker, twice)
        case .freeze(let worker, let seconds): return freeze(worker, seconds)
        case .killRabbitMQ: return network.node.map { kill($0.pid, SIGKILL) == 0 } ?? false
        case .cutClient(let client, let bytes): proxies[client % proxies.count].cut(after: bytes)
        case .dropConnections: return await control(["close_all_connections", "--global", "a soak drops all"])
        case .alarm(let resource, let seconds): return await raise(resource, seconds)
        case .slowStore(let worker, let milliseconds, let seconds): slow(worker, milliseconds, seconds)
        }
        return true
    }

    private func process(_ worker: String) -> ProcessIdentity? {
        (try? network.processes[worker]).flatMap { $0 }.flatMap(ProcessIdentity.init(of:))
    }

    /// Tells a worker to stop, and takes the time until it has.
    private func stop(_ worker: String, _ twice: Bool) async -> Bool {
        guard !frozen.contains(worker), let process = process(worker), kill(process.pid, SIGTERM) == 0 else {
            return false
        }
        let begin = ContinuousClock.now
        if twice {
            try? await Task.sleep(for: .milliseconds(50))
            kill(process.pid, SIGTERM)
        }
        while process.isAlive, .now - begin < .seconds(20) { try? await Task.sleep(for: .milliseconds(10)) }
        let stop = History.Stop(worker: worker, isTwice: twice, took: .now - begin, wasFrozen: frozen.contains(worker))
        recorder.update { $0.stops.append(stop) }
        return true
    }

    private func freeze(_ worker: String, _ seconds: Int) -> Bool {
        guard let process = process(worker), kill(process.pid, SIGSTOP) == 0 else { return false }
        frozen.insert(worker)
        mending.append(
            Task {
                try? await Task.sleep(for: .seconds(seconds))
                if process.isAlive { kill(process.pid, SIGCONT) }
                frozen.remove(worker)
            })
        return true
    }

    private func raise(_ resource: Fault.Resource, _ seconds: Int) async -> Bool {
        let (full, empty) =
            switch resource {
            case .memory: (["set_vm_memory_high_watermark", "0.00001"], ["set_vm_memory_high_watermark", "0.4"])
            case .disk: (["set_disk_free_limit", "500000GB"], ["set_disk_free_limit", "50MB"])
            }
        guard await control(full) else { return false }
        try? await Task.sleep(for: .seconds(seconds))
        // A node that ended meanwhile has forgotten it; one that is starting is asked again.
        for _ in 0..<20 {
            if await control(empty) { break }
            try? await Task.sleep(for: .seconds(1))
        }
        return true
    }

    private func slow(_ worker: String, _ milliseconds: Int, _ seconds: Int) {
        let order = "\(network.slowStores)/\(worker)"
        try? PrivateFile.write(Array("\(milliseconds)\n".utf8), to: order)
        later(seconds) { unlink(order) }
    }

    private func later(_ seconds: Int, _ mend: @escaping @Sendable () -> Void) {
        mending.append(
            Task {
                try? await Task.sleep(for: .seconds(seconds))
                mend()
            })
    }

    private func control(_ arguments: [String]) async -> Bool {
        (try? await network.control(arguments)) != nil
    }
}
