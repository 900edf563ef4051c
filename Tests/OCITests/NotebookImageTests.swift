import Files
import FoundationEssentials
import Glibc
import HTTPClient
import Processes
import Synchronization
import Testing
import Wire

@testable import OCI

/// The image that `scripts/images/build` makes, pulled, unpacked and run as a session is.
@Suite struct NotebookImageTests {
    /// Where that script keeps it.
    static let registry: String? = {
        let environment = ProcessInfo.processInfo.environment
        let cache = environment["XDG_CACHE_HOME"] ?? environment["HOME"].map { "\($0)/.cache" } ?? "/nowhere"
        let path = (environment["EXECBUS_CACHE"] ?? "\(cache)/execbus") + "/registry"
        return FileSystem.exists("\(path)/oci-layout") ? path : nil
    }()

    @Test(.enabled(if: registry != nil, "scripts/images/build has not been run"))
    func `a notebook of the demo's image answers with its token, and astropy reads a cube in it`() async throws {
        let scratch = try await Scratch()
        let clock = ContinuousClock()
        let registry = try OCILayout(opening: try #require(Self.registry))
        let image = try registry.resolve(try ImageReference(parsing: "srcnet/notebook:1"))
        let store = try ImageStore(at: scratch / "store")

        let start = clock.now
        let copied = Mutex(start)
        let root = try await store.pull(image, from: registry) { step in
            if step.stage == .copying { copied.withLock { $0 = ContinuousClock.now } }
        }
        let unpacked = clock.now
        try FileSystem.makeFolder(scratch / "session")
        // A notebook of one cell, run by a kernel as the page would.
        let script = """
            import nbformat.v4 as v4, nbclient
            cell = v4.new_code_cell('''
            import numpy, astropy.io.fits as fits
            fits.PrimaryHDU(numpy.arange(24.).reshape(2, 3, 4)).writeto('/session/cube.fits')
            print('sum', fits.getdata('/session/cube.fits').sum())''')
            nbclient.NotebookClient(v4.new_notebook(cells=[cell])).execute()
            print(cell.outputs[0].text)
            """

        let runtime = try await ContainerRuntimes.choose(folder: scratch / "state")
        let port = try FreePort.find()
        let environment = image.configuration.environment.reduce(into: [String: String]()) { result, entry in
            let parts = entry.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            result[String(parts[0])] = String(parts.last ?? "")
        }
        var spec = ContainerSpec(id: "notebook", root: root, arguments: image.configuration.entrypoint)
        spec.environment = environment
        spec.environment["JUPYTER_TOKEN"] = "0123456789abcdef"
        spec.environment["SESSION_PORT"] = "\(port)"
        spec.environment["SESSION_ID"] = "s1"
        spec.workingDirectory = try #require(image.configuration.workingDirectory)
        spec.mounts = [BindMount(scratch / "session", at: "/session", isWritable: true)] + BindMount.machineNames
        spec.limits = ContainerLimits(memory: 1 << 30, cores: 1)
        let starting = clock.now
        let container = try await runtime.start(spec)
        let client = try HTTPClient()
        let url = "http://127.0.0.1:\(port)/session/s1/api/status"
        let deadline = clock.now + .seconds(90)
        while (try? await client.get(url)) == nil, clock.now < deadline, container.process.isAlive {
            try await Task.sleep(for: .milliseconds(20))
        }
        let answered = clock.now
        #expect(try await client.get(url).status == 403)
        let status = try await client.get(url, headers: [(name: "Authorization", value: "token 0123456789abcdef")])
        #expect(status.status == 200)
        #expect(try JSON(parsing: status.body)["kernels"]?.int == 0)

        spec.id = "astropy"
        spec.arguments = ["python3", "-c", script]
        _ = try await runtime.start(spec)
        while case .running = try await runtime.state(of: "astropy") { try await Task.sleep(for: .milliseconds(20)) }
        #expect(try await runtime.log(of: "astropy", last: 1000).contains("sum 276.0"))

        try await runtime.stop("notebook", grace: .seconds(10))
        print(
            """
            image \(image.size) bytes: copied \(start.duration(to: copied.withLock { $0 })), \
            unpacked \(copied.withLock { $0 }.duration(to: unpacked)); \
            answered \(starting.duration(to: answered)), \(runtime.name), not limited: \(container.unenforced)
            """)
        for id in try await runtime.list() { try await runtime.remove(id) }
    }
}
