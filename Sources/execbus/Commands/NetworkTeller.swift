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
            let line = PrivateFile.read(log)?.split(separator: UInt8(ascii: "\n")).last ?? []
            let last = String(decoding: line.prefix(300), as: UTF8.self)
            if told[address] == last { return }
            told[address] = last
            Terminal.complain(
                "\(address) ended (\(status)) and is started again in \(Units.duration(delay)); see \(log)")
            Terminal.complain("  its last words: \(last)")
        case .failed(let address, let reason, let delay):
            if told[address] == reason { return }
            told[address] = reason
            Terminal.complain("\(address) could not be started: \(reason); next try in \(Units.duration(delay))")
        }
    }
}
