internal import Glibc
internal import LocalNetwork
internal import Processes
internal import Wire

extension Command {
    static let demo = Command(
        name: "demo", summary: "Plays the main job on a network of two sites: a session at each, and every refusal.",
        discussion: """
            scripts/demo prepares what it needs, and calls it. It starts the network in DIR by `execbus up`, puts the
            observation into the storage of the first site alone, and plays: offers from both sites, the acceptance of the
            near one with a callback, the session opened over HTTP with the observation in it, its end; the same at the far
            site, to which the file has to be copied; both denials; and the way through the workstep editor.
            """,
        options: [
            .value("state", "DIR", "The folder of the network; default: .execbus-demo here."),
            .value("registry", "DIR", "The OCI layout that holds srcnet/notebook:1."),
            .value("observation", "FILE", "A FITS file."),
            .flag("anew", "Removes first what an earlier network has left in the folder, unless it still runs."),
            .flag("keep", "Leaves the network running at the end, until Ctrl-C, and says what to try."),
        ]
    ) { invocation in
        guard let registry = invocation["registry"], let observation = invocation["observation"] else {
            throw UsageError("--registry DIR and --observation FILE are needed; scripts/demo makes both and calls this")
        }
        let state = invocation["state"] ?? ".execbus-demo"
        let interrupts = try await Signals.stream([SIGINT, SIGTERM])
        let starting = Task {
            try await DemoNetwork.start(state: state, registry: registry, anew: invocation.has("anew"))
        }
        // The network ends first, and says so; then this process, wherever the play stands.
        let watching = Task {
            for await _ in interrupts { break }
            if Task.isCancelled { return }
            starting.cancel()
            await (try? starting.value)?.stop()
            exit(Failure.Code.interrupted.rawValue)
        }
        defer { watching.cancel() }
        let network: DemoNetwork
        do {
            network = try await starting.value
        } catch {
            throw starting.isCancelled ? Failure(.interrupted, "interrupted; the network has stopped") : error
        }
        do {
            try await network.register(observation: observation)
            try await Demo(network: network, observation: observation).play()
        } catch {
            await network.stop()
            throw starting.isCancelled ? Failure(.interrupted, "interrupted; the network has stopped") : error
        }
        if invocation.has("keep") {
            DemoNetwork.tellWhatToTry(state)
            await network.waitForEnd()
            if starting.isCancelled { exit(Failure.Code.interrupted.rawValue) }
        } else {
            await network.stop()
        }
    }
}
