package import Processes

/// Starts containers and ends them. What it has started outlives this process; another one with the same folder finds it
/// again.
package protocol ContainerRuntime: Sendable {
    /// `runc` or `bubblewrap`.
    var name: String { get }

    /// Starts a container and returns when its program runs. A container of this name must not be there.
    ///
    /// Cancelled before it has begun, it starts nothing. From then on a cancellation is not heard: the container is
    /// started, and returned. Where this process is killed meanwhile, `state` of the next one finds what comes of it.
    func start(_ spec: ContainerSpec) async throws -> RunningContainer

    /// How it is with a container now. One whose start has begun and not come to an end, since the process that began it
    /// was killed, is waited for.
    func state(of id: String) async throws -> ContainerState

    /// Asks its program to end (SIGTERM), and after the grace ends every process of it (SIGKILL). Returns when none is
    /// left; one that is not there is no error. What it wrote is kept until `remove`.
    func stop(_ id: String, grace: Duration) async throws

    /// Ends it at once if it still runs, and removes everything that was kept of it.
    func remove(_ id: String) async throws

    /// All that have been started and not removed.
    func list() async throws -> [String]

    /// The last bytes of what it wrote to its standard output and error streams.
    func log(of id: String, last bytes: Int) async throws -> String
}

/// A container that has been started.
package struct RunningContainer: Sendable, Hashable {
    package let id: String
    /// Its first process, by the machine's numbers.
    package let process: ProcessIdentity
    /// What was asked for and does not hold; empty where everything does.
    package let unenforced: [UnenforcedLimit]

    package init(id: String, process: ProcessIdentity, unenforced: [UnenforcedLimit]) {
        self.id = id
        self.process = process
        self.unenforced = unenforced
    }
}

/// How it is with a container.
package enum ContainerState: Sendable, Hashable {
    /// Nothing of this name is there.
    case absent
    case running(RunningContainer)
    /// It has ended, with this exit code where it is known; 128 and the signal's number where a signal ended it.
    case ended(exitCode: Int32?)
}
