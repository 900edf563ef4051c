import Canfar
import Glibc
import OCI
import Preparation
import Synchronization
import TestSupport

/// Where a worker stops in the course of a session's start, one moment for each step that leaves something behind.
enum StartMoment: String, Sendable, CaseIterable {
    /// It has made the area, and looks for what there is.
    case looking
    /// Port and token are written down, and nothing runs.
    case starting
    /// The shell that starts the container has begun, the runtime has not.
    case beginning
    /// The session's program runs, and nobody has written down which process it is.
    case unwritten
    /// The runtime has written it down and the worker taken note; the worker has not heard of it.
    case started
    /// The session runs, and does not answer yet.
    case answering

    /// The moment of the runtime's program, where it is one.
    var ofGate: RuntimeGate.Moment? { RuntimeGate.Moment(rawValue: rawValue) }

    /// How often the session's program has been started when the worker stops there.
    var starts: ClosedRange<Int> {
        switch self {
        case .looking, .starting, .beginning: 0...0
        // It may not have come to its first line.
        case .unwritten, .started, .answering: 0...1
        }
    }
}

/// The containers of this machine, for a worker that stops at a moment of a start.
final class StoppingRuntime: ContainerRuntime {
    private let moment: StartMoment
    private let inner: any ContainerRuntime
    private let gate: RuntimeGate
    private let hasStarted = Atomic(false)
    private let wasReached = Atomic(false)
    private let stop: @Sendable () async -> Void

    var name: String { inner.name }

    /// - Parameters:
    ///   - killing: the process that is killed at the moment, where that lies in the runtime's program.
    ///   - stop: called at the moment, where it lies in the worker.
    init(
        _ name: String, in site: CanfarFixture, at moment: StartMoment, killing worker: Int32? = nil,
        stop: @escaping @Sendable () async -> Void
    ) throws {
        self.moment = moment
        self.stop = stop
        let kind = name == "runc" ? "runc" : "bwrap"
        gate = try RuntimeGate(kind, at: moment.ofGate ?? .beginning, folder: site.gate)
        if moment.ofGate == nil { gate.open() } else if let worker { try gate.kill(worker) }
        let folder = site.settings.state + "/sessions"
        inner =
            kind == "runc"
            ? try RuncRuntime(folder: folder, program: gate.program)
            : try BubblewrapRuntime(folder: folder, program: gate.program)
    }

    /// Whether it has come to the moment.
    var isReached: Bool { moment.ofGate == nil ? wasReached.load(ordering: .relaxed) : gate.isReached }

    private func reach() async {
        wasReached.store(true, ordering: .relaxed)
        await stop()
    }

    func state(of id: String) async throws -> ContainerState {
        if moment == .looking || moment == .answering && hasStarted.load(ordering: .relaxed) { await reach() }
        return try await inner.state(of: id)
    }

    func start(_ spec: ContainerSpec) async throws -> RunningContainer {
        if moment == .starting { await reach() }
        // Cancelled while the gate is closed: it opens only then.
        let container = try await withTaskCancellationHandler {
            try await inner.start(spec)
        } onCancel: {
            gate.open()
        }
        hasStarted.store(true, ordering: .relaxed)
        if moment == .started { await reach() }
        return container
    }

    func stop(_ id: String, grace: Duration) async throws { try await inner.stop(id, grace: grace) }
    func remove(_ id: String) async throws { try await inner.remove(id) }
    func list() async throws -> [String] { try await inner.list() }
    func log(of id: String, last bytes: Int) async throws -> String { try await inner.log(of: id, last: bytes) }
}

/// The containers of this machine, whose gate opens once somebody looks for what there is.
struct OpeningRuntime: ContainerRuntime {
    let inner: any ContainerRuntime
    /// The gate's folder.
    let gate: String

    var name: String { inner.name }

    func state(of id: String) async throws -> ContainerState {
        async let state = inner.state(of: id)
        RuntimeGate.open(gate)
        return try await state
    }

    func start(_ spec: ContainerSpec) async throws -> RunningContainer { try await inner.start(spec) }

    func stop(_ id: String, grace: Duration) async throws {
        async let end: Void = inner.stop(id, grace: grace)
        RuntimeGate.open(gate)
        try await end
    }

    func remove(_ id: String) async throws { try await inner.remove(id) }
    func list() async throws -> [String] { try await inner.list() }
    func log(of id: String, last bytes: Int) async throws -> String { try await inner.log(of: id, last: bytes) }
}
