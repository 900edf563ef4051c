internal import FoundationEssentials
internal import Glibc
internal import LocalNetwork
internal import Processes
internal import TestSupport
internal import Wire

/// A soak: two sites under steady work while things break, and then the checks.
package struct Soak: Sendable {
    package var seed: UInt64 = 1
    /// How long faults happen; starting, settling and checking come to it.
    package var duration = Duration.seconds(600)
    /// A folder that is made, and left if there is a violation.
    package var folder: String
    /// Whether it is left in any case.
    package var isKept = false
    /// The command line that is put to the test.
    package var program: String
    /// How many users play at the same time.
    package var players = 6
    /// How long what was begun may take to end when nothing breaks any more.
    package var settling = Duration.seconds(120)
    /// What each site has: little, so that offers have to wait for each other.
    package var sites: [String: History.Amount] = [
        "ral": .init(cores: 8, memory: 16), "caen": .init(cores: 6, memory: 12),
    ]
    /// What is broken when, by the addresses of the workers; nil for a schedule made from the seed.
    package var plan: (@Sendable ([String]) -> [Fault])?
    /// Takes a line for whoever waits.
    package var tell: @Sendable (String) -> Void

    package init(folder: String, program: String, tell: @escaping @Sendable (String) -> Void) {
        (self.folder, self.program, self.tell) = (folder, program, tell)
    }

    /// Runs it.
    package func run() async throws -> Report {
        let begin = ContinuousClock.now
        let network = try await SoakNetwork.start(in: folder, sites: sites, program: program)
        let workers = try network.workers
        let schedule =
            plan?(workers)
            ?? Schedule.make(
                seed: seed, seconds: Int(duration.components.seconds), workers: workers, clients: players + 2)
        tell("the network serves after \((.now - begin).inSeconds); \(schedule.count) faults to come")
        let recorder = Recorder(sites: sites)
        let proxies = try (0..<players + 3).map { _ in try FaultProxy(to: try network.port) }
        // The observer's own connection is cut as well.
        let breaker = Breaker(network, recorder, proxies: proxies, tell: tell)
        do {
            try await play(network, recorder, proxies, breaker, schedule)
        } catch {
            _ = await network.stop()
            throw error
        }
        let ends = await network.stop()
        recorder.update {
            $0.remains += ends
            $0.placesLookedAt += 2
            $0.exits = network.exits
        }
        let history = recorder.history
        let report = Report(
            seed: seed, faults: await breaker.counts, misses: await breaker.misses, history: history,
            verdicts: Check.judge(history), time: .now - begin)
        if report.violations.isEmpty, !isKept {
            try? FileManager.default.removeItem(atPath: folder)
        } else {
            try PrivateFile.write(Array(history.lines.utf8), to: folder + "/history.jsonl")
        }
        return report
    }

    private func play(
        _ network: SoakNetwork, _ recorder: Recorder, _ proxies: [FaultProxy], _ breaker: Breaker,
        _ schedule: [Fault]
    ) async throws {
        let observer = try await Observer(network.uri(of: "alice", port: proxies[players + 2].port), recorder)
        var clients: [SteadyClient] = []
        for (index, name) in (Array(repeating: "alice", count: players + 1) + ["bob"]).enumerated() {
            clients.append(
                try await SteadyClient(
                    network.uri(of: name, port: proxies[index].port), name: "soak-\(index)", recorder))
        }
        let ears = [Task { await observer.run() }] + clients.map { client in Task { await client.run() } }
        try await observer.awaitQueue()
        for client in clients { try await client.awaitQueue() }
        let watching = Task { await watch(recorder) }
        let progress = Task { await showProgress(recorder, breaker) }

        let breaking = Task { await breaker.play(schedule) }
        await withDiscardingTaskGroup { group in
            let end = ContinuousClock.now + duration
            for index in 0..<players {
                var player = Player(
                    clients[index], rival: clients[players], denied: clients[players + 1], recorder,
                    seed: seed &* 1_000 &+ UInt64(index))
                group.addTask { await player.play(until: end) }
            }
        }
        await breaking.value
        tell("no more faults, all players are done: waits until everything has settled")
        await Settling(network: network, recorder: recorder, limit: settling).run()
        watching.cancel()
        progress.cancel()
        await observer.readHistory(within: .seconds(30))
        for ear in ears { ear.cancel() }
        for ear in ears { await ear.value }
        for client in clients { await client.close() }
        await observer.close()
        let left = await Settling(network: network, recorder: recorder, limit: settling).remains()
        recorder.update { $0.remains += left }
    }

    /// Looks every half second which sessions have processes.
    private func watch(_ recorder: Recorder) async {
        while !Task.isCancelled {
            let known = Set(recorder.history.events.lazy.filter { $0.key.hasPrefix("session.") }.map(\.subject))
            let time = Timestamp.now()
            let sight = await Machine.look(for: known)
            recorder.update { $0.sights.append(.init(processes: sight, time: time)) }
            try? await Task.sleep(for: .milliseconds(500))
        }
    }

    private func showProgress(_ recorder: Recorder, _ breaker: Breaker) async {
        let begin = ContinuousClock.now
        while !Task.isCancelled {
            try? await Task.sleep(for: .seconds(10))
            if Task.isCancelled { return }
            let history = recorder.history
            let faults = await breaker.counts.values.reduce(0, +)
            let ended = history.events.filter { $0.key.hasPrefix("session.") && $0.key.contains(".completed.") }.count
            tell(
                "\((.now - begin).inSeconds): \(faults) faults, \(history.commands.count) commands, "
                    + "\(history.answers.count) answers, \(history.events.count) events, "
                    + "\(history.callbacks.count) callbacks, \(history.opened) sessions opened, \(ended) completed")
        }
    }
}

extension Duration {
    /// In whole seconds, for a line.
    var inSeconds: String { "\(components.seconds) s" }
}
