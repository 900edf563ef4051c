internal import AMQP
internal import HTTPClient
internal import LocalNetwork
internal import MessageBus
internal import Wire

extension Command {
    static let top = Command(
        name: "top", summary: "Shows live what each worker of a network does, and what waits for it.",
        discussion: """
            One line for each worker: messages that wait in its queue and that rest parked; handled in a second, and how many
            of them failed since its start; how old messages are when they are taken (95 of 100 are younger); what its
            outbox holds; activities, memory, reconnects. Figures of a second are those since the last look. It reads
            the workers' pages /metrics, whose addresses are in network.json. JSON is one object for each look.
            """,
        options: [
            .value("state", "DIR", "The folder of `execbus up`; default: .execbus here."),
            .value("interval", "SECONDS", "How often it looks; default: 2."),
            .flag("once", "Looks once, over one interval, and ends."),
            .flag("json", "Writes JSON for scripts."),
        ]
    ) { invocation in
        let seconds = try invocation["interval"].map { word in
            guard let value = Double(word), (0.1...3_600).contains(value) else {
                throw UsageError("--interval takes 0.1 to 3600 seconds")
            }
            return value
        }
        let network = try Connecting.network(invocation)
        guard let watcher = network.users.first(where: { $0.name == DefaultUsers.operatorName }) else {
            throw Failure(.usage, "the network has no user \(DefaultUsers.operatorName), who may look at all queues")
        }
        let configuration = try AMQPConfiguration(uri: network.uri(of: watcher))
        try await withAMQPConnection(configuration) { connection in
            let view = TopView(connection: connection, client: try HTTPClient())
            var last = await view.look(network)
            repeat {
                try await Task.sleep(for: .seconds(seconds ?? 2))
                // Read anew, since workers come back under other process numbers.
                let look = await view.look((try? Connecting.network(invocation)) ?? network)
                let rows = look.rows(since: last)
                if invocation.has("json") {
                    Terminal.line(JSON.array(rows.map(\.json)).text)
                } else {
                    let clear = Terminal.isInteractive && !invocation.has("once") ? "\u{1B}[H\u{1B}[J" : ""
                    guard Terminal.write(clear + TopRow.table(rows) + "\n") else { return }
                }
                last = look
            } while !invocation.has("once")
        }
    }
}

/// Where the figures come from.
private struct TopView {
    let connection: AMQPConnection
    let client: HTTPClient

    func look(_ network: NetworkDescription) async -> TopLook {
        var look = TopLook(time: .now)
        for worker in network.workers {
            let address = worker.site.map { "\(worker.name).\($0)" } ?? worker.name
            var seen = TopLook.Worker(address: address, pid: worker.pid)
            seen.waiting = try? await depth(address)
            seen.parked = try? await depth(address + ".parked")
            if let http = worker.http, let page = try? await client.get(http + "/metrics", timeout: .seconds(2)) {
                seen.figures = FigureReader(page.text)
            }
            look.workers.append(seen)
        }
        return look
    }

    private func depth(_ queue: String) async throws(AMQPError) -> Int {
        Int(try await connection.declareQueue(queue, passive: true).messages)
    }
}

/// Everything at one moment.
private struct TopLook {
    struct Worker {
        let address: String
        let pid: Int32
        /// nil where the queue could not be asked.
        var waiting: Int?
        var parked: Int?
        /// nil where the worker shows nothing: it is starting, or gone.
        var figures: FigureReader?
    }

    let time: ContinuousClock.Instant
    var workers: [Worker] = []

    func rows(since last: TopLook) -> [TopRow] {
        let interval = (time - last.time).seconds
        return workers.map { worker in
            let before = last.workers.first { $0.address == worker.address && $0.pid == worker.pid }?.figures
            var row = TopRow(address: worker.address, pid: worker.pid, waiting: worker.waiting, parked: worker.parked)
            guard let figures = worker.figures else { return row }
            let count = "execbus_messages_total"
            row.rate = max(0, figures.sum(count) - (before?.sum(count) ?? figures.sum(count))) / max(interval, 0.001)
            row.failed = Int(
                figures.sum(count, with: "outcome=\"retried\"") + figures.sum(count, with: "outcome=\"parked\""))
            row.age = figures.quantile(0.95, of: "execbus_message_age_seconds", since: before)
            row.outbox = Int(figures.sum("execbus_outbox_messages"))
            row.outboxAge = figures.sum("execbus_outbox_oldest_seconds")
            row.memory = Int64(figures.sum("process_resident_memory_bytes"))
            row.reconnects = Int(figures.sum("execbus_amqp_reconnects_total"))
            return row
        }
    }
}

/// One worker's line.
private struct TopRow {
    let address: String
    let pid: Int32
    let waiting: Int?
    let parked: Int?
    var rate: Double?
    var failed: Int?
    var age: Double?
    var outbox: Int?
    var outboxAge: Double?
    var memory: Int64?
    var reconnects: Int?

    var json: JSON {
        .object(compacting: [
            "worker": .string(address), "pid": .int(Int64(pid)), "waiting": waiting.map { .int(Int64($0)) },
            "parked": parked.map { .int(Int64($0)) }, "rate": rate.map(JSON.double),
            "failed": failed.map { .int(Int64($0)) }, "age95": age.flatMap { $0.isFinite ? .double($0) : nil },
            "outbox": outbox.map { .int(Int64($0)) }, "outboxOldest": outboxAge.map(JSON.double),
            "memory": memory.map(JSON.int), "reconnects": reconnects.map { .int(Int64($0)) },
        ])
    }

    static func table(_ rows: [TopRow]) -> String {
        var table = Table(
            headings: ["worker", "waiting", "parked", "per s", "failed", "age 95 %", "outbox", "memory", "reconnects"],
            right: [1, 2, 3, 4, 5, 6, 7, 8])
        for row in rows {
            guard let rate = row.rate else {
                table.rows.append([row.address, word(row.waiting), alarming(row.parked), Style.red("no figures")])
                continue
            }
            table.rows.append([
                row.address, word(row.waiting), alarming(row.parked), Units.fixed(rate, 1), alarming(row.failed),
                row.age.map { $0.isFinite ? "≤ " + Units.duration(.seconds($0)) : "> 1000 s" } ?? "–",
                word(row.outbox), row.memory.map(Units.bytes) ?? "–", word(row.reconnects),
            ])
        }
        return table.text
    }

    private static func word(_ number: Int?) -> String { number.map(String.init) ?? "–" }

    private static func alarming(_ number: Int?) -> String {
        number.map { $0 > 0 ? Style.red("\($0)") : "0" } ?? "–"
    }
}
