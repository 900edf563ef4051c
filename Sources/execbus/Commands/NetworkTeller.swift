internal import LocalNetwork

/// Tells what happens to a network's workers, one line each, and keeps `network.json` true.
struct NetworkTeller {
    var description: NetworkDescription
    let folder: String
    let isQuiet: Bool
    let begin: ContinuousClock.Instant
    /// Where each worker shows its figures, by its address.
    let ports: [String: UInt16]
    /// Those that have never been ready yet.
    private var waiting: Set<String>
    /// What was told last of a worker's end, so that one that ends again and again for the same reason is told of once.
    private var told: [String: String] = [:]
    /// How often one has ended that was never ready.
    private var failedStarts: [String: Int] = [:]
    /// So many failed starts are borne of one that was never ready, as RabbitMQ's are.
    private static let limit = 6

    init(
        description: NetworkDescription, folder: String, isQuiet: Bool, begin: ContinuousClock.Instant,
        ports: [String: UInt16]
    ) {
        self.description = description
        self.folder = folder
        self.isQuiet = isQuiet
        self.begin = begin
        self.ports = ports
        waiting = Set(ports.keys)
    }

    mutating func take(_ change: Supervisor.Change) throws {
        switch change {
        case .started(let address, let pid):
            let parts = address.split(separator: ".", maxSplits: 1).map(String.init)
            let worker = NetworkDescription.Worker(
                name: parts[0], site: parts.count > 1 ? parts[1] : nil, pid: pid,
                http: ports[address].map { "http://127.0.0.1:\($0)" })
            description.workers.removeAll { $0.name == worker.name && $0.site == worker.site }
            description.workers.append(worker)
            if waiting.isEmpty { try description.write(to: folder) }
        case .ready(let address, let time):
            told[address] = nil
            if !isQuiet {
                let name = address + String(repeating: " ", count: max(1, 24 - address.count))
                Terminal.line("  \(Style.green("✓")) \(name)" + Style.faint(Units.duration(time)))
            }
            if waiting.remove(address) != nil, waiting.isEmpty {
                try description.write(to: folder)
                Terminal.line(
                    Style.bold("ready")
                        + " after \(Units.duration(.now - begin)); see \(folder)/\(NetworkDescription.fileName)")
                if !isQuiet {
                    for user in description.users {
                        let name = user.name + String(repeating: " ", count: max(1, 10 - user.name.count))
                        Terminal.line(Style.faint("  --user \(name)may \(user.may)"))
                    }
                }
            }
        case .ended(let address, let status, let delay):
            let log = NetworkFolder(folder).log(of: address)
            let last = String((PrivateFile.lastLines(of: log, 1).first ?? "").prefix(300))
            try noteFailedStart(address, last, "; see \(log)")
            // Why a start fails may be said in other words each time.
            if told[address] == last || (waiting.contains(address) && told[address] != nil) { return }
            told[address] = last
            Terminal.complain(
                "\(address) ended (\(status)) and is started again in \(Units.duration(delay)); see \(log)")
            Terminal.complain("  its last words: \(last)")
        case .failed(let address, let reason, let delay):
            try noteFailedStart(address, reason)
            if told[address] == reason { return }
            told[address] = reason
            Terminal.complain("\(address) could not be started: \(reason); next try in \(Units.duration(delay))")
        }
    }

    /// One that was never ready will not be by itself: what is wrong was so when the network was started.
    private mutating func noteFailedStart(_ address: String, _ reason: String, _ place: String = "") throws {
        guard waiting.contains(address) else { return }
        failedStarts[address, default: 0] += 1
        guard failedStarts[address, default: 0] >= Self.limit else { return }
        let why = DiskSpace.complaint(at: folder) ?? String(reason.trimmingPrefix("execbus: "))
        throw Failure(.failed, "\(address) does not start, after \(Self.limit) tries: \(why)\(place)")
    }
}
