internal import AMQP
internal import ExecutionModel
internal import FoundationEssentials
internal import Glibc
internal import LocalNetwork
internal import MessageBus
internal import PrepareData
internal import Processes
internal import Wire

/// The network of a demo: `execbus up` as a child, as a person would start it.
struct DemoNetwork {
    static let near = "ral"
    static let far = "caen"

    let folder: NetworkFolder
    let description: NetworkDescription
    private let process: ChildProcess

    /// Starts it and waits until all workers serve.
    /// - Parameter anew: whether what an earlier network has left in the folder is removed first.
    static func start(state: String, registry: String, anew: Bool) async throws -> DemoNetwork {
        let folder = NetworkFolder(state)
        try await makeReady(folder, anew: anew)
        let log = folder.path + "/up.log"
        let program = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        var settings = ProcessSettings(
            program,
            [
                "up", "--state", folder.path, "--registry", registry, "--sites", "\(near),\(far)", "--capacity",
                "\(near)=4/8,\(far)=2/4", "--until-eof",
            ])
        settings.errors = .file(log)
        settings.output = .handler { bytes in
            Terminal.write(String(decoding: bytes, as: UTF8.self))
        }
        // It stops, and all that it has started, when this process is gone, however that comes.
        settings.input = .open
        settings.group = .session
        let process = try await ChildProcess.spawn(settings)
        let end = ContinuousClock.now + .seconds(120)
        while ContinuousClock.now < end {
            // What another `up` has left, or serves, is not ours.
            if case .serving(let description, process.pid) = try NetworkState(of: folder) {
                return DemoNetwork(folder: folder, description: description, process: process)
            }
            if let status = process.status {
                let last = PrivateFile.lastLines(of: log, 1).first.map { ": \($0)" } ?? ""
                throw Failure(.failed, "the network ended at its start (\(status)); see \(log)\(last)")
            }
            do {
                try await Task.sleep(for: .milliseconds(50))
            } catch {
                await process.terminate(grace: .seconds(40))
                throw error
            }
        }
        await process.terminate(grace: .seconds(20))
        throw Failure(.timeout, "not all workers were ready within two minutes; see \(log)")
    }

    /// Only who has the claim may touch the folder: a network that runs, starts or stops there is left alone.
    private static func makeReady(_ folder: NetworkFolder, anew: Bool) async throws {
        let claim = try await NetworkClaim(folder)
        defer { claim.release() }
        if anew { try await BlockingWork.run { _ in try claim.removeContents() } }
    }

    /// Puts the observation into the storage of the near site alone.
    func register(observation: String) async throws {
        guard let near = SiteName(Self.near) else { return }
        let did = DataIdentifier(scope: "demo", name: "hcn-cube")
        let storage = StorageFolder(
            name: NetworkFolder.storageElement(of: near), path: folder.storage(of: near), isLocal: true)
        try await CatalogueFile(folder.catalogue).register(file: observation, as: did, in: storage)
    }

    /// Connects as one of the network's users.
    func withClient<Value>(as name: String, _ body: (BusClient) async throws -> Value) async throws -> Value {
        guard let user = description.users.first(where: { $0.name == name }) else {
            throw Failure(.failed, "the network has no user \(name)")
        }
        return try await BusClient.with(AMQPConfiguration(uri: description.uri(of: user)), body)
    }

    func stop() async { await process.terminate(grace: .seconds(40)) }

    func waitForEnd() async { _ = await process.wait() }

    static func tellWhatToTry(_ state: String) {
        Terminal.line(
            """

            \(Style.bold("The network goes on running.")) Ctrl-C ends it. In another terminal try:
              execbus ping --state \(state)
              execbus watch 'session.#' --state \(state)
              execbus submit Examples/worksteps/notebook.json --state \(state)
              execbus accept OFFER --state \(state)
              execbus session list --state \(state)
              execbus submit Examples/worksteps/notebook.json --state \(state) --user bob     (is denied)
            """)
    }
}
