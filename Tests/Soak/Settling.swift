internal import ExecutionModel
internal import FoundationEssentials
internal import LocalNetwork
internal import Processes
internal import Wire

/// What should be gone once all sessions have ended, and the wait for it.
struct Settling {
    let network: SoakNetwork
    let recorder: Recorder
    let limit: Duration

    /// Waits until all has come to its end, or the limit; what has not is found by the checks.
    func run() async {
        let end = ContinuousClock.now + limit
        while ContinuousClock.now < end, await !isSettled { try? await Task.sleep(for: .milliseconds(500)) }
        // Whatever is delivered or started once too often has a moment to show itself.
        try? await Task.sleep(for: .seconds(3))
    }

    private var isSettled: Bool {
        get async {
            let history = recorder.history
            let account = Account(history)
            let isFree = history.sites.allSatisfy { site, total in history.signs.last { $0.site == site }?.free == total
            }
            let areEnded = account.sessions.values.allSatisfy { $0.last?.phase.isTerminal == true }
            guard isFree, areEnded, areas.isEmpty else { return false }
            return await Machine.look(for: Set(account.sessions.keys)).isEmpty
        }
    }

    /// Folders of sessions.
    private var areas: [String] {
        network.sites.keys.sorted().flatMap { site in
            ["areas", "sessions", "containers"].flatMap { part in
                let folder = "\(network.folder.path)/sites/\(site)/state/\(part)"
                return names(in: folder).map { "\(folder)/\($0)" }
            }
        }
    }

    /// The names in a folder that are of a session: its own and those of its helpers' folders are left out.
    private func names(in folder: String) -> [String] {
        ((try? FileManager.default.subpathsOfDirectory(atPath: folder)) ?? []).filter { path in
            path.split(separator: "/").contains { isUUID(String($0)) }
        }
    }

    /// What is there that should not be: to be asked when all clients have taken leave.
    func remains() async -> [String] {
        var found = areas.map { "left in the folder of a site: \($0)" }
        let sessions = Set(Account(recorder.history).sessions.keys)
        for (session, count) in await Machine.look(for: sessions) {
            found.append("\(session) has \(count) processes after its end")
        }
        do {
            let text = try await network.control([
                "list_queues", "-p", "execbus", "--no-table-headers", "name", "messages",
            ])
            let queues = text.split(separator: "\n").map { $0.split { $0 == "\t" || $0 == " " }.map(String.init) }
            for fields in queues where fields.count == 2 && fields[0] != "history" {
                if fields[0].hasPrefix("client.") { found.append("the queue \(fields[0]) is left") }
                if fields[1] != "0", !fields[0].hasSuffix(".heartbeats") {
                    found.append("the queue \(fields[0]) holds \(fields[1]) messages")
                }
            }
            recorder.update { $0.placesLookedAt += queues.count + sessions.count * 2 }
            if queues.count < 10 { found.append("RabbitMQ told of \(queues.count) queues only: \(text)") }
        } catch {
            found.append("RabbitMQ could not be asked for its queues: \(error)")
        }
        return found
    }
}

extension Machine {
    /// The same on a thread of its own: reading all of /proc takes a while.
    static func look(for known: Set<String>) async -> [String: Int] {
        (try? await BlockingWork.run { _ in sessions(among: known) }) ?? [:]
    }
}
