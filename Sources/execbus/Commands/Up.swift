internal import Canfar
internal import FoundationEssentials
internal import Glibc
internal import LocalNetwork
internal import OCI
internal import Preparation
internal import Processes
internal import Topology
internal import Wire

extension Command {
    static let up = Command(
        name: "up", summary: "Starts a private RabbitMQ and all workers of a network of sites, until Ctrl-C.",
        discussion: """
            Everything it writes lies in one folder: network.json (where it is, and its users), policy.json, a folder for each
            site, the workers' memory and logs, and RabbitMQ's own. What is there is taken up again. All of it listens on
            127.0.0.1 alone. What dies, RabbitMQ or a worker, is started again.
            """,
        options: [
            .value("state", "DIR", "The folder; default: .execbus here."),
            .value("sites", "LIST", "The sites; default: ral,caen."),
            .value("registry", "DIR", "The OCI layout that the sites pull images from; default: DIR/registry."),
            .value("capacity", "LIST", "What sites have, as SITE=CORES/GIB, …; default: 4/8 each."),
            .value("log", "LEVEL", "What workers write into DIR/logs: debug, info (default), warning, error."),
            .value("log-format", "FORMAT", "How logs are written: text (default), or json, one object in each line."),
            .flag("until-eof", "Stops also when its standard input ends: for programs that start it."),
            .flag("quiet", "Says only when it is ready, and what goes wrong."),
        ]
    ) { invocation in
        try await NetworkProcess(invocation).run()
    }
}

/// The network as this process: its RabbitMQ, its workers, its end.
struct NetworkProcess {
    private let folder: NetworkFolder
    private let sites: [SiteName]
    private let registry: String
    private let capacities: [SiteName: JSON]
    private let invocation: Invocation

    init(_ invocation: Invocation) throws {
        self.invocation = invocation
        folder = NetworkFolder(invocation["state"] ?? Connecting.defaultState)
        sites = try Command.siteNames(invocation)
        guard !sites.isEmpty, Set(sites).count == sites.count else { throw UsageError("--sites takes different names") }
        registry = NetworkFolder(invocation["registry"] ?? folder.path + "/registry").path
        // What is named is there; the one in the folder may be made later.
        if invocation["registry"] != nil { try Self.check(registry: registry) }
        var capacities: [SiteName: JSON] = [:]
        for entry in (invocation["capacity"] ?? "").split(separator: ",") {
            let parts = entry.split { $0 == "=" || $0 == "/" }.map(String.init)
            guard parts.count == 3, let site = SiteName(parts[0]), let cores = Int64(parts[1]), cores > 0,
                let memory = Int64(parts[2]), memory > 0
            else { throw UsageError("--capacity takes SITE=CORES/GIB, such as ral=8/16, not \(entry)") }
            guard sites.contains(site) else {
                let names = sites.map(\.description).joined(separator: ", ")
                throw UsageError("--capacity names \(site), which is none of the sites: \(names)")
            }
            capacities[site] = ["cores": .int(cores), "memory": .int(memory)]
        }
        self.capacities = capacities
    }

    func run() async throws {
        let ends = try await Signals.stream([SIGTERM, SIGINT])
        let begin = ContinuousClock.now
        try DiskSpace.require(at: folder.path)
        // Before anything is touched: another network on this folder goes on as if nothing had been.
        let claim = try await NetworkClaim(folder)
        defer { claim.release() }
        let users = try DefaultUsers.make(keepingPasswordsIn: folder)
        // It is there again when all workers serve.
        NetworkDescription.remove(from: folder.path)
        let plan = try NetworkPlan(sites: sites, users: users)
        try folder.prepare(
            sites: sites, registry: registry, capacities: capacities, users: users, services: plan.addresses)
        say("starting RabbitMQ in \(folder.rabbitMQ)")
        // Whoever asks for the end does not wait for the start.
        let (asked, ask) = AsyncStream.makeStream(of: Never.self)
        let starting = Task {
            try await PrivateRabbitMQ.start(directory: folder.rabbitMQ, definitions: plan.definitions.bytes)
        }
        let watching = Task {
            await untilAsked(ends)
            starting.cancel()
            ask.finish()
        }
        defer { watching.cancel() }
        let broker: PrivateRabbitMQ
        do {
            broker = try await starting.value
        } catch {
            guard starting.isCancelled else { throw error }
            say("stopped before it was ready")
            return
        }
        say("RabbitMQ listens on 127.0.0.1:\(broker.port)" + Style.faint("  \(Units.duration(.now - begin))"))
        let ports = try ports(plan)
        let supervisor = Supervisor(try plans(plan, broker, ports))
        await supervisor.start()
        var teller = NetworkTeller(
            description: NetworkDescription(
                amqp: "amqp://127.0.0.1:\(broker.port)/execbus", sites: sites.map(\.description), workers: [],
                users: users),
            folder: folder.path, isQuiet: invocation.has("quiet"), begin: begin, ports: ports)
        let telling = Task { for await change in supervisor.events { try teller.take(change) } }
        let result = await firstOf(asked, telling, broker)
        NetworkDescription.remove(from: folder.path)
        say("stopping")
        await supervisor.stop()
        await endSessions()
        await broker.stop()
        say("stopped; what it knew is kept in \(folder.path)")
        try result.get()
    }

    private static func check(registry: String) throws {
        do {
            let layout = try OCILayout(opening: registry)
            guard FileManager.default.fileExists(atPath: layout.path + "/index.json") else {
                throw OCIError(.notFound, "\(registry) has no index.json")
            }
        } catch {
            throw UsageError(
                "--registry takes an OCI image layout, such as scripts/images/build DIR makes: \(error)")
        }
    }

    /// Waits for a signal, or for the end of standard input where that counts.
    private func untilAsked(_ signals: AsyncStream<Int32>) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { for await _ in signals { break } }
            if invocation.has("until-eof") { group.addTask { await inputEnds() } }
            await group.next()
            group.cancelAll()
        }
    }

    /// Waits until somebody asks for the end, for an error while telling what happens, or for a RabbitMQ that does not stay. When it returns,
    /// RabbitMQ is not started again any more.
    private func firstOf(
        _ asked: AsyncStream<Never>, _ telling: Task<Void, any Error>, _ broker: PrivateRabbitMQ
    ) async -> Result<Void, any Error> {
        await withTaskGroup(of: Result<Void, any Error>.self) { group in
            group.addTask {
                for await _ in asked {}
                return .success(())
            }
            group.addTask { await telling.result }
            group.addTask { await keepRunning(broker) }
            let first = await group.next() ?? .success(())
            group.cancelAll()
            telling.cancel()
            return first
        }
    }

    private func keepRunning(_ broker: PrivateRabbitMQ) async -> Result<Void, any Error> {
        do throws(LocalNetworkError) {
            try await broker.keepRunning { change in
                switch change {
                case .ended(let status, let pause):
                    Terminal.complain(
                        "RabbitMQ ended (\(status)) and is started again in \(Units.duration(pause)); see \(broker.log)"
                    )
                case .failed(let reason, let pause):
                    Terminal.complain("RabbitMQ could not be started: \(reason); next try in \(Units.duration(pause))")
                case .back(let time):
                    Terminal.complain(
                        "RabbitMQ is back after \(Units.duration(time)), with all that it had; workers reconnect by themselves"
                    )
                }
            }
            return .success(())
        } catch {
            return .failure(error)
        }
    }

    /// Sessions outlive their worker, so that it can be restarted; they do not outlive the network.
    private func endSessions() async {
        for site in sites {
            do {
                try await Canfar.endEverything(CanfarSettings(SiteFile(path: folder.site(site))))
            } catch {
                Terminal.complain("sessions of \(site) may still run: \(error)")
            }
        }
    }

    /// Waits for the end of standard input, which comes when whoever started this process is gone.
    private func inputEnds() async {
        _ = try? await BlockingWork.run { cancellation in
            var byte: UInt8 = 0
            while !cancellation.isCancelled {
                var input = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
                if poll(&input, 1, 200) > 0, read(STDIN_FILENO, &byte, 1) <= 0 { return }
            }
        }
    }

    /// Where each worker shows its figures; the same after a restart.
    private func ports(_ plan: NetworkPlan) throws -> [String: UInt16] {
        let addresses = plan.addresses
        return Dictionary(uniqueKeysWithValues: zip(addresses, try FreePort.find(addresses.count)))
    }

    private func plans(
        _ plan: NetworkPlan, _ broker: PrivateRabbitMQ, _ ports: [String: UInt16]
    ) throws -> [Supervisor.WorkerPlan] {
        let program = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        return plan.participants.map { participant in
            let address = participant.description
            var arguments = [
                "worker", participant.name.rawValue, "--store", folder.store(of: address), "--policy", folder.policy,
                "--log", invocation["log"] ?? "info", "--log-format", invocation["log-format"] ?? "text",
            ]
            if let port = ports[address] { arguments += ["--http", "\(port)"] }
            if let site = participant.site {
                arguments += ["--site", site.description, "--site-file", folder.site(site)]
            } else if participant.name == .globalExecution {
                arguments += ["--sites", sites.map(\.description).joined(separator: ",")]
            }
            var environment = ProcessInfo.processInfo.environment
            environment["EXECBUS_AMQP"] = broker.uri(
                user: address, password: plan.passwords[address] ?? "", vhost: "execbus")
            var process = ProcessSettings(
                program, arguments, environment: environment, workingDirectory: folder.path)
            process.errors = .file(folder.log(of: address))
            return Supervisor.WorkerPlan(address: address, process: process)
        }
    }

    private func say(_ text: String) {
        if !invocation.has("quiet") { Terminal.line(text) }
    }
}
