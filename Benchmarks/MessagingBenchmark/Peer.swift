internal import Glibc
internal import Processes
internal import Wire

/// A program that takes part.
struct Peer: Sendable {
    let name: String
    /// What starts it, before the words that all understand.
    let command: [String]
    /// Of the usual count of messages, in percent: so that the slow ones do not take most of the time.
    let share: Int

    /// Ourselves, the ceiling, and the two libraries, as far as they are asked for.
    static func all(_ options: Options) throws -> [Peer] {
        var peers = [Peer(name: "ExecutionBus", command: ["/proc/\(getpid())/exe"], share: 100)]
        if let program = options.cProgram { peers.append(Peer(name: "C", command: [program], share: 100)) }
        if let python = options.python, let folder = options.scripts {
            peers.append(Peer(name: "pika", command: [python, "\(folder)/peer_pika.py"], share: 25))
            peers.append(Peer(name: "aio-pika", command: [python, "\(folder)/peer_aio_pika.py"], share: 25))
        }
        guard let names = options.peers else { return peers }
        let unknown = names.filter { name in !peers.contains { $0.name == name } }
        guard unknown.isEmpty else {
            throw Failure("there is no peer \(unknown[0]); there are \(peers.map(\.name).joined(separator: ", "))")
        }
        return peers.filter { names.contains($0.name) }
    }

    /// Runs one piece of work to its end, and gives the line that it wrote.
    func run(_ work: Work, _ place: Place, count: Int) async throws -> JSON {
        let result = try await Processes.run(settings(work, place, count), deadline: .seconds(120)).checked()
        return try JSON(parsing: result.output)
    }

    /// Runs `body` while the program answers questions.
    func answering<Value>(_ place: Place, _ body: () async throws -> Value) async throws -> Value {
        let (lines, continuation) = AsyncStream<[UInt8]>.makeStream()
        var settings = settings(.respond, place, 0)
        settings.output = .handler { continuation.yield(Array($0)) }
        let child = try await ChildProcess.spawn(settings)
        // It says one thing: that it is ready. Where it ends before, the questions end by their deadline.
        let end = Task {
            _ = await child.wait()
            continuation.finish()
        }
        for await _ in lines { break }
        do {
            let value = try await body()
            await child.kill()
            await end.value
            return value
        } catch {
            await child.kill()
            throw error
        }
    }

    private func settings(_ work: Work, _ place: Place, _ count: Int) -> ProcessSettings {
        let words = command + [work.rawValue] + place.words + ["\(count)"]
        var settings = ProcessSettings(words[0], Array(words.dropFirst()))
        settings.isKilledWithParent = true
        return settings
    }
}

/// Where a program works.
struct Place: Sendable {
    let port: UInt16
    let user: String
    let password: String
    let queue: String

    fileprivate var words: [String] { ["127.0.0.1", "\(port)", user, password, queue] }
}
