internal import AMQP
internal import Glibc
internal import HTTPServer
internal import MessageBus
internal import Metrics
internal import Permissions
internal import Preparation
internal import Processes
internal import Store
internal import StorePostgreSQL
internal import StoreSQLite
internal import Wire

/// One participant as this process: its options checked, its parts put together.
struct WorkerProcess {
    let name: ParticipantName
    let site: SiteName?
    let address: String
    let invocation: Invocation

    init(name: ParticipantName, _ invocation: Invocation) throws {
        self.name = name
        self.invocation = invocation
        site = try invocation["site"].map { text in
            guard let site = SiteName(text) else {
                throw UsageError("\(text) is no site's name: 1 to 32 of a-z, 0-9 and -, and neither any nor global")
            }
            return site
        }
        guard name.isAtSite == (site != nil) else {
            throw UsageError(
                name.isAtSite ? "\(name) is at a site: name it by --site" : "\(name) is one for all: leave --site out")
        }
        address = name.address(at: site)
    }

    func run() async throws {
        let word = invocation["log"] ?? LogLevel.info.rawValue
        guard let level = LogLevel(rawValue: word) else {
            throw UsageError("--log takes debug, info, warning or error")
        }
        let formatWord = invocation["log-format"] ?? LogFormat.text.rawValue
        guard let format = LogFormat(rawValue: formatWord) else {
            throw UsageError("--log-format takes \(LogFormat.allCases.map(\.rawValue).joined(separator: " or "))")
        }
        let log = Log(name: address, least: level, format: format)
        let policy = try policy()
        var settings = LoopSettings(log: log)
        settings.version = Execbus.version
        settings.faults = FaultPoints(folder: Connecting.environment("EXECBUS_FAULTS"), address: address)
        settings.services = policy?.services ?? []
        settings.retries = try retries()
        let pages = try showPages(&settings)
        let exporter = try exportSpans(&settings)
        let exporting = Task { await exporter?.run() }
        let worker = Worker(
            name: name, site: site, instance: invocation["instance"] ?? String(getpid()), broker: try broker(),
            settings: settings)
        let result: Result<Void, any Error>
        do { result = .success(try await serve(worker, policy)) } catch { result = .failure(error) }
        exporting.cancel()
        await exporting.value
        withExtendedLifetime(pages) {}
        try result.get()
        log(.info, "stopped")
    }

    /// Serves figures and signs of life where a port is given.
    private func showPages(_ settings: inout LoopSettings) throws -> HTTPServer? {
        guard let word = invocation["http"] else { return nil }
        guard let port = UInt16(word) else { throw UsageError("--http takes a port, or 0 for a free one") }
        let metrics = Metrics()
        ProcessFigures.enter(into: metrics)
        let health = Health()
        settings.metrics = metrics
        settings.health = health
        let pages = WorkerPages(address: address, metrics: metrics, health: health)
        do {
            let server = try HTTPServer(port: port) { pages.answer($0) }
            settings.log(.info, "shows figures at \(server.address)/metrics")
            return server
        } catch {
            // Who only watches must not keep it from its work.
            settings.log(.error, "shows no figures: \(error)")
            return nil
        }
    }

    /// Sends traces where a collector is named, by the variable that OpenTelemetry has for it.
    private func exportSpans(_ settings: inout LoopSettings) throws -> SpanExporter? {
        guard let endpoint = Connecting.environment("OTEL_EXPORTER_OTLP_ENDPOINT") else { return nil }
        let exporter = try SpanExporter(endpoint: endpoint, service: address, log: settings.log)
        settings.spans = { exporter.take($0) }
        return exporter
    }

    /// Runs a participant with what performs its activities, until a signal asks for the end.
    func serve<Subject: Participant>(
        _ worker: Worker, _ participant: sending Subject, _ performer: any Performer = NoActivities()
    ) async throws {
        let ends = try await Signals.stream([SIGTERM, SIGINT])
        let store = try await store()
        let ending = try await worker.run(
            participant, performer: performer, store: store,
            ready: {
                worker.settings.log(.info, "serves \(worker.queues.joined(separator: ", "))")
                Terminal.line("ready")
            }, ends: ends)
        if case .abandoned = ending {
            worker.settings.log(.warning, "stopped before all was laid down: the next start goes on with it")
            // Its threads are busy, and nothing that they use may be taken away from under them.
            _exit(0)
        }
    }

    /// A file of SQLite, or a schema on a PostgreSQL server.
    private func store() async throws -> any Store {
        let place = invocation["store"] ?? Connecting.environment("EXECBUS_STORE") ?? "\(address).sqlite"
        if place.hasPrefix("postgresql://") || place.hasPrefix("postgres://") {
            return try await PostgreSQLStore.open(place, participant: address)
        }
        return try await SQLiteStore.open(path: place)
    }

    private func retries() throws -> RetrySchedule {
        guard let text = invocation["retries"] ?? Connecting.environment("EXECBUS_RETRIES") else { return .standard }
        guard let schedule = RetrySchedule(text) else {
            throw UsageError("--retries takes none, or delays of 1s, 10s, 1m and 10m such as 1s,10s, not \(text)")
        }
        return schedule
    }

    private func policy() throws -> Policy? {
        do { return try invocation["policy"].map(Policy.init(file:)) } catch { throw Failure(.usage, "\(error)") }
    }

    /// The configuration of the site.
    func siteFile() throws -> SiteFile {
        guard let path = invocation["site-file"] else { throw UsageError("\(name) needs --site-file FILE") }
        let file: SiteFile
        do { file = try SiteFile(path: path) } catch { throw Failure(.usage, "\(path): \(error)") }
        guard file.site == site else { throw UsageError("\(path) is of the site \(file.site), not of \(address)") }
        return file
    }

    private func broker() throws -> AMQPConfiguration {
        guard let uri = invocation["amqp"] ?? Connecting.environment("EXECBUS_AMQP") else {
            throw UsageError("set EXECBUS_AMQP to where RabbitMQ is: amqp://\(address):PASSWORD@HOST/execbus")
        }
        var broker = try AMQPConfiguration(uri: uri)
        broker.connectionName = address
        guard broker.user == address else {
            throw UsageError("\(address) connects as RabbitMQ's user \(address), and EXECBUS_AMQP names \(broker.user)")
        }
        return broker
    }
}
