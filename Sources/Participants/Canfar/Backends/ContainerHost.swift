internal import Files
package import ExecutionModel
internal import HTTPClient
package import OCI
internal import Preparation
internal import Processes

/// Runs sessions in containers on this machine, each from the unpacked root of its image.
///
/// The container is named by the task. It outlives this process; the runtime's own files and those with port and token
/// say after a restart what there is. Wherever this process stops on the way, the next finds the container and goes on
/// with it, or finds none and starts it: there is never a second one of a session.
package struct ContainerHost: SessionHost {
    private let settings: CanfarSettings
    private let runtime: any ContainerRuntime
    private let access: SessionAccessFiles
    private let client: HTTPClient

    /// Finds out first which way of running containers works here, where none is given.
    package init(_ settings: CanfarSettings, runtime given: (any ContainerRuntime)? = nil) async throws {
        let sessions = settings.sessions
        try await BlockingWork.run { _ in try FileSystem.makeFolder(sessions, mode: 0o700) }
        self.settings = settings
        runtime = if let given { given } else { try await ContainerRuntimes.choose(folder: sessions) }
        access = SessionAccessFiles(folder: "\(sessions)/access")
        client = try HTTPClient()
    }

    package func start(
        _ command: StartSessionCommand, area: String, launched: @escaping @Sendable () -> Void
    ) async throws -> StartedSession {
        do {
            // A port that was free may be another program's by the time at which the session wants it.
            for _ in 0..<ContainerHost.attempts {
                if let started = try await attempt(command, area: area, launched) { return started }
                try await stop(command.head.task)
            }
            throw TaskFailure("no-port", "other programs took each port that the session was given")
        } catch let error as OCIError {
            throw TaskFailure(error.code == .notFound ? "image-missing" : "cannot-start", error.description)
        } catch let error as FileError {
            throw TaskFailure("cannot-start", error.description)
        }
    }

    private static let attempts = 3

    /// nil where another program has taken the session's port.
    private func attempt(
        _ command: StartSessionCommand, area: String, _ launched: @Sendable () -> Void
    ) async throws -> StartedSession? {
        let task = command.head.task
        let known = try await find(task)
        let (container, access) = if let known { known } else { try await launch(command, area: area) }
        launched()
        do {
            try await waitUntilItAnswers(task, access)
        } catch let failure as TaskFailure {
            if case .running = try await runtime.state(of: task.description) { throw failure }
            if try await isTaken(access) { return nil }
            throw failure
        }
        return StartedSession(
            url: access.url(SessionSpec.page(command)), token: access.token, kind: command.kind,
            unlimited: container.unenforced.map { "\($0.limit): \($0.reason)" })
    }

    /// Whether somebody listens at the port of a session that does not run.
    private func isTaken(_ access: SessionAccess) async throws -> Bool {
        do throws(HTTPError) {
            // No token: whoever listens there is a stranger.
            _ = try await client.get("http://127.0.0.1:\(access.port)/", timeout: .seconds(2))
            return true
        } catch {
            return error.code != .refused
        }
    }

    /// The session of an earlier life of this process, if there is one.
    private func find(_ task: TaskID) async throws -> (RunningContainer, SessionAccess)? {
        let known = try await BlockingWork.run { [access] _ in access.read(task) }
        switch try await runtime.state(of: task.description) {
        case .running(let container):
            if let known { return (container, known) }
        case .ended(let exitCode?):
            // Its port was another program's, and its worker stopped before it could be given the next one.
            if let known, try await isTaken(known) { break }
            throw try await failure(of: task, "it ended with \(exitCode) before it answered", known)
        case .ended(nil), .absent: break
        }
        // What is there was never whole.
        try await stop(task)
        return nil
    }

    private func launch(
        _ command: StartSessionCommand, area: String
    ) async throws -> (RunningContainer, SessionAccess) {
        let task = command.head.task
        let image = try await SessionImage(command.image, store: settings.images)
        if let location = command.location {
            try await StartNotebook(client: client).fetch(location, into: area)
        }
        let access = try await BlockingWork.run { [access] _ in
            let known = SessionAccess(
                port: try freePort(except: access.ports()), session: command.head.session)
            try access.write(known, of: task)
            return known
        }
        let spec = try await BlockingWork.run { _ in
            try SessionSpec.make(command, image: image, area: area, access: access)
        }
        return (try await runtime.start(spec), access)
    }

    /// It answers when the token opens it, and is fit to be given away when nothing else does.
    private func waitUntilItAnswers(_ task: TaskID, _ access: SessionAccess) async throws {
        let end = ContinuousClock.now + settings.patience
        var pause = Duration.milliseconds(20)
        while true {
            if try await answers(access.url("api/status")) {
                guard try await !answers(access.url("api/status", token: "none")) else {
                    throw TaskFailure("not-protected", "the session answers to who does not have its token")
                }
                return
            }
            if case .running = try await runtime.state(of: task.description) {
                guard ContinuousClock.now < end else {
                    throw try await failure(of: task, "it did not answer in \(settings.patience)", access)
                }
            } else {
                throw try await failure(of: task, "it ended before it answered", access)
            }
            try await Task.sleep(for: pause)
            pause = min(pause * 2, .milliseconds(300))
        }
    }

    private func answers(_ url: String) async throws -> Bool {
        do throws(HTTPError) {
            return try await client.get(url, timeout: .seconds(5)).isSuccess
        } catch  where error.isRetriable {
            return false
        }
    }

    private func failure(of task: TaskID, _ what: String, _ access: SessionAccess?) async throws -> TaskFailure {
        let words = (try? await runtime.log(of: task.description, last: 4_096)) ?? ""
        let lines = words.split(separator: "\n").suffix(5).joined(separator: " / ")
        let detail = lines.isEmpty ? what : "\(what): \(lines)"
        return TaskFailure("session-ended", access?.redact(detail) ?? detail)
    }

    // MARK: Its end

    package func end(of task: TaskID) async throws -> TaskEnd {
        while true {
            switch try await runtime.state(of: task.description) {
            case .running: try await Task.sleep(for: .milliseconds(250))
            case .ended(let exitCode?):
                return exitCode == 0
                    ? TaskEnd("closed", isFailure: false) : TaskEnd("exited with \(exitCode)", isFailure: true)
            case .ended(nil), .absent: return TaskEnd("lost", isFailure: true)
            }
        }
    }

    package func stop(_ task: TaskID) async throws {
        try await runtime.stop(task.description, grace: settings.grace)
        try await runtime.remove(task.description)
        try await BlockingWork.run { [access] _ in try access.remove(task) }
    }

    static func endEverything(_ settings: CanfarSettings) async throws {
        guard try await BlockingWork.run({ _ in FileSystem.exists(settings.sessions) }) else { return }
        let host = try await ContainerHost(settings)
        for id in try await host.runtime.list() {
            try await host.runtime.remove(id)
            if let task = TaskID(id) {
                try await BlockingWork.run { [access = host.access] _ in try access.remove(task) }
            }
        }
    }

    package func log(of task: TaskID, last bytes: Int) async throws -> String {
        let text = try await runtime.log(of: task.description, last: bytes)
        let access = try await BlockingWork.run { [access] _ in access.read(task) }
        return access?.redact(text) ?? text
    }
}

/// A loopback port that nobody listens on and that no other session has been given.
private func freePort(except taken: Set<UInt16>) throws -> UInt16 {
    for port in try FreePort.find(taken.count + 1) where !taken.contains(port) { return port }
    throw TaskFailure("no-port", "there is no free port")
}
