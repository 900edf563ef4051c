internal import FoundationEssentials
package import Processes
internal import Wire

/// A RabbitMQ node of our own: its own data folder, on 127.0.0.1 only, on free ports, without plug-ins.
///
/// The kernel kills the node and its epmd when this process ends, however it ends. What clients had confirmed is then
/// still in the folder, and a node that is started on it again has it.
package actor PrivateRabbitMQ {
    /// The port for AMQP, the same after a restart.
    package nonisolated var port: UInt16 { files.ports.amqp }
    /// The folder that holds everything of the node.
    package nonisolated var folder: String { files.folder }
    /// Where the node says what it does.
    package nonisolated var log: String { files.log }

    private let programs: RabbitMQPrograms
    private let files: RabbitMQFiles
    private let deadline: Duration
    private let lock: FolderLock
    private var epmd: ChildProcess
    private var node: ChildProcess?
    private var isStopped = false

    /// Starts a node and returns when it accepts connections.
    ///
    /// - Parameters:
    ///   - folder: made where it is missing; queues and messages of an earlier node there are there again.
    ///   - definitions: what RabbitMQ's `load_definitions` reads: users, virtual hosts, queues. Users and permissions are
    ///     made as they stand there, queues that exist are left as they are. What RabbitMQ cannot make of them it
    ///     leaves out silently: check the topology afterwards.
    ///   - deadline: how long the start may take; some seconds on a machine with nothing else to do.
    package static func start(
        directory folder: String, definitions: [UInt8], deadline: Duration = .seconds(90)
    ) async throws -> PrivateRabbitMQ {
        let programs = try RabbitMQPrograms()
        // RabbitMQ 3.10 passes over a file that it cannot read, and over entries that it cannot make, without a word.
        guard (try? JSON(parsing: definitions))?.object != nil else {
            throw LocalNetworkError(.invalid, "the definitions for RabbitMQ are no JSON object")
        }
        let folder = try RabbitMQFiles.prepare(folder)
        guard let lock = try FolderLock.ifFree(folder) else {
            throw LocalNetworkError(.inUse, "another RabbitMQ runs on \(folder): stop it, or choose another folder")
        }
        try await RabbitMQFiles.awaitEndOfEarlierNode(on: folder)
        let ports = try FreePort.find(3)
        let files = RabbitMQFiles(
            folder: folder, ports: .init(amqp: ports[0], distribution: ports[1], epmd: ports[2]))
        try files.write(definitions: definitions)
        let epmd = try await startEPMD(programs, files)
        let broker = PrivateRabbitMQ(
            programs: programs, files: files, deadline: deadline, lock: lock, epmd: epmd)
        do {
            try await broker.startNode()
        } catch {
            await epmd.kill()
            throw error
        }
        return broker
    }

    private init(
        programs: RabbitMQPrograms, files: RabbitMQFiles, deadline: Duration, lock: FolderLock, epmd: ChildProcess
    ) {
        self.programs = programs
        self.files = files
        self.deadline = deadline
        self.lock = lock
        self.epmd = epmd
    }

    /// Where a client finds it. Each part is escaped where a URI needs it.
    package nonisolated func uri(user: String, password: String, vhost: String) -> String {
        "amqp://\(escaped(user)):\(escaped(password))@127.0.0.1:\(port)/\(escaped(vhost))"
    }

    /// Stops the node (SIGTERM, after 20 s SIGKILL), and its epmd after it. The folder is then free for another.
    package func stop() async {
        isStopped = true
        await node?.terminate(grace: .seconds(20))
        await epmd.kill()
        lock.release()
    }

    /// Kills the node (SIGKILL), as a power cut would. `restart` starts it again.
    package func kill() async { await node?.kill() }

    /// Stops the node where it runs, and starts it again on the same folder and the same port. Not after `stop`.
    package func restart() async throws {
        guard !isStopped else {
            throw LocalNetworkError(.notStarted, "this RabbitMQ was stopped: start another on \(folder)")
        }
        await node?.terminate(grace: .seconds(20))
        if epmd.status != nil { epmd = try await Self.startEPMD(programs, files) }
        try await startNode()
    }

    /// Waits until the node ends, and says how; at once where it has ended. Nil where the task is cancelled before.
    package func waitForEnd() async -> ExitStatus? {
        guard let node else { return nil }
        // The wait for a process cannot be cancelled, that for the next value of a stream can.
        let (ends, end) = AsyncStream.makeStream(of: ExitStatus.self)
        Task {
            end.yield(await node.wait())
            end.finish()
        }
        for await status in ends { return status }
        return nil
    }

    /// Runs `rabbitmqctl` on the node and returns what it writes.
    ///
    /// A node takes connections a moment before it calls itself running, and until then refuses most commands (exit
    /// code 64): they are tried again for a while.
    @discardableResult
    package func control(_ arguments: [String], deadline: Duration = .seconds(120)) async throws -> String {
        let command = ProcessSettings(programs.control, ["--quiet"] + arguments, environment: files.environment)
        let end = ContinuousClock.now + .seconds(30)
        while true {
            let result = try await run(command, deadline: deadline)
            let isEarly = result.errorText.contains("requires the 'rabbit' app to be running")
            if !isEarly || node?.status != nil || ContinuousClock.now > end { return try result.checked().outputText }
        }
    }

    private func startNode() async throws {
        var settings = ProcessSettings(programs.server, environment: files.environment, workingDirectory: folder)
        settings.output = .file(files.console)
        settings.errors = .file(files.console)
        settings.group = .session
        settings.isKilledWithParent = true
        let node = try await ChildProcess.spawn(settings)
        self.node = node
        do {
            try files.remember(node.identity)
            try await awaitStart(of: node)
        } catch {
            await node.kill()
            throw error
        }
    }

    private func awaitStart(of node: ChildProcess) async throws {
        let end = ContinuousClock.now + deadline
        while await !LoopbackProbe.speaksAMQP(port, within: .seconds(5)) {
            if let status = node.status {
                throw LocalNetworkError(.notStarted, "RabbitMQ ended while it started (\(status))\(hint)")
            }
            guard ContinuousClock.now < end else {
                throw LocalNetworkError(.notStarted, "RabbitMQ does not answer after \(deadline)\(hint)")
            }
            try await Task.sleep(for: .milliseconds(25))
        }
    }

    /// Where to look, and the last thing that it said.
    private var hint: String {
        let path = FileManager.default.fileExists(atPath: files.log) ? files.log : files.console
        let lines = PrivateFile.lastLines(of: files.console, 20)
        if lines.contains(where: { $0.contains("eaddrinuse") }) {
            return ": another program has taken one of its ports; see \(path)"
        }
        if let full = DiskSpace.complaint(at: folder) { return ": \(full); see \(path)" }
        return "; see \(path)" + (lines.last.map { ": \($0.prefix(200))" } ?? "")
    }

    private static func startEPMD(
        _ programs: RabbitMQPrograms, _ files: RabbitMQFiles
    ) async throws -> ChildProcess {
        var settings = ProcessSettings(
            programs.epmd, ["-port", "\(files.ports.epmd)", "-address", "127.0.0.1"], environment: files.environment)
        settings.output = .file(files.console)
        settings.errors = .file(files.console)
        settings.group = .session
        settings.isKilledWithParent = true
        let epmd = try await ChildProcess.spawn(settings)
        // The node would start one of its own, which stays for ever, if it found none.
        let end = ContinuousClock.now + .seconds(20)
        while !LoopbackProbe.accepts(files.ports.epmd) {
            guard epmd.status == nil, ContinuousClock.now < end, !Task.isCancelled else {
                await epmd.kill()
                throw LocalNetworkError(.notStarted, "Erlang's epmd does not start; see \(files.console)")
            }
            try? await Task.sleep(for: .milliseconds(10))
        }
        return epmd
    }
}

/// A part of a URI with everything escaped but the unreserved characters (RFC 3986, section 2.3).
private func escaped(_ text: String) -> String {
    let unreserved = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~".utf8)
    return text.utf8.map { byte in
        if unreserved.contains(byte) { return String(UnicodeScalar(byte)) }
        let digits = String(byte, radix: 16, uppercase: true)
        return "%" + (digits.count == 1 ? "0" : "") + digits
    }.joined()
}
