internal import FoundationEssentials
internal import Glibc
internal import Processes
internal import Soak

/// The program behind scripts/soak.
@main
struct ExecbusSoak {
    static func main() async {
        signal(SIGPIPE, SIG_IGN)
        do {
            exit(try await run(Array(CommandLine.arguments.dropFirst())) ? 0 : 1)
        } catch {
            complain("soak: \(error)")
            exit(2)
        }
    }

    /// Whether nothing was violated.
    private static func run(_ arguments: [String]) async throws -> Bool {
        let program = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let folder = program.split(separator: "/").dropLast().map { "/" + $0 }.joined()
        var soak = Soak(folder: "", program: folder + "/execbus") { say("  \($0)") }
        var state: String?
        for (option, value) in zip(arguments, arguments.dropFirst()).enumerated().filter({ $0.offset % 2 == 0 }).map(
            \.element)
        {
            switch option {
            case "--minutes":
                guard let minutes = Double(value), minutes > 0 else { throw SoakError("--minutes takes a number") }
                soak.duration = .milliseconds(Int(minutes * 60_000))
            case "--seed":
                guard let seed = UInt64(value) else { throw SoakError("--seed takes a whole number") }
                soak.seed = seed
            case "--state":
                state = value
                soak.isKept = true
            default: throw SoakError("there is no option \(option)")
            }
        }
        guard arguments.count % 2 == 0 else { throw SoakError("\(arguments.last ?? "") needs a value") }
        soak.folder = state ?? FileManager.default.currentDirectoryPath + "/.build/soak/seed-\(soak.seed)"
        if FileManager.default.fileExists(atPath: soak.folder) {
            guard state == nil else { throw SoakError("\(soak.folder) is there already") }
            try FileManager.default.removeItem(atPath: soak.folder)
        }
        let ends = try await Signals.stream([SIGINT, SIGTERM])
        let stopping = Task {
            // The network ends with this process: `up` hears the end of its input, and ends all that it has started.
            for await _ in ends { exit(130) }
        }
        defer { stopping.cancel() }
        let report = try await soak.run()
        for line in report.lines { say(line) }
        if !report.violations.isEmpty { complain("soak: the network and all that clients saw are in \(soak.folder)") }
        return report.violations.isEmpty
    }

    private static func complain(_ text: String) {
        write(text, to: STDERR_FILENO)
    }

    @Sendable private static func say(_ text: String) { write(text, to: STDOUT_FILENO) }

    /// At once, so that a line is seen when it is true.
    private static func write(_ text: String, to descriptor: Int32) {
        let bytes = Array((text + "\n").utf8)
        _ = Glibc.write(descriptor, bytes, bytes.count)
    }
}
