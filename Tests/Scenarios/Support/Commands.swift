import FoundationEssentials
import Glibc
import LocalNetwork
import Processes
import Soak
import TestSupport
import Testing
import Wire

/// The command line as a user calls it, on a network or on none.
enum Execbus {
    /// Runs a command and returns what it wrote.
    static func run(
        _ arguments: [String], environment: [String: String] = [:], deadline: Duration = .seconds(60)
    ) async throws -> RunResult {
        var settings = ProcessSettings(try ScenarioNetwork.program(), arguments)
        settings.environment = clean.merging(environment) { $1 }
        return try await Processes.run(settings, deadline: deadline)
    }

    /// The environment without what would lead a command to another network.
    static var clean: [String: String] {
        ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("EXECBUS_") }
    }
}

extension RunResult {
    /// What it wrote as JSON.
    var json: JSON { get throws { try JSON(parsing: output) } }

    /// The lines of its standard error.
    var complaints: [String] { errorText.split(separator: "\n").map(String.init) }

    /// Checks that a command was refused in one line that begins with the program's name and holds each of the words.
    func expectRefused(
        _ code: Int32, _ words: String..., sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(status == .exited(code), "\(self)", sourceLocation: sourceLocation)
        #expect(complaints.count == 1, "\(errorText)", sourceLocation: sourceLocation)
        #expect(complaints.first?.hasPrefix("execbus: ") == true, "\(errorText)", sourceLocation: sourceLocation)
        for word in words {
            #expect(errorText.contains(word), "\(errorText)", sourceLocation: sourceLocation)
        }
    }
}

extension RunResult {
    /// Checks that a command asked for JSON was refused: a problem after RFC 9457 on standard output, and one line beside it.
    func expectProblem(
        _ code: Int32, _ type: String, _ detail: String, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        expectRefused(code, sourceLocation: sourceLocation)
        let problem = try? json
        #expect(problem?["type"]?.string == type, "\(outputText)", sourceLocation: sourceLocation)
        #expect(problem?["title"]?.string?.isEmpty == false, "\(outputText)", sourceLocation: sourceLocation)
        #expect((400...599).contains(problem?["status"]?.int ?? 0), "\(outputText)", sourceLocation: sourceLocation)
        #expect(
            problem?["detail"]?.string.map { detail.isEmpty || $0.contains(detail) } == true, "\(outputText)",
            sourceLocation: sourceLocation)
    }
}

/// A command that goes on, such as `watch` and `up`, with what it has said so far.
final class LongCommand: Sendable {
    let process: ChildProcess
    private let folder: String

    /// Starts it. It ends with the test process.
    init(_ settings: ProcessSettings) async throws {
        folder = try await TemporaryFolder.make()
        var settings = settings
        settings.output = .file(folder + "/output")
        settings.errors = .file(folder + "/errors")
        settings.group = .session
        settings.isKilledWithParent = true
        process = try await ChildProcess.spawn(settings)
    }

    convenience init(_ arguments: [String]) async throws {
        try await self.init(
            ProcessSettings(try ScenarioNetwork.program(), arguments, environment: Execbus.clean))
    }

    /// The whole lines of its standard output.
    var lines: [String] { read("output") }
    /// The whole lines of its standard error.
    var complaints: [String] { read("errors") }

    private func read(_ name: String) -> [String] {
        let text = String(decoding: PrivateFile.read("\(folder)/\(name)") ?? [], as: UTF8.self)
        // A line that is being written is none yet.
        return text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
    }
}

/// Runs a command that goes on, and kills it at the end of `body`.
func withLongCommand(_ arguments: [String], _ body: (LongCommand) async throws -> Void) async throws {
    let command = try await LongCommand(arguments)
    do {
        try await body(command)
    } catch {
        await command.process.kill()
        throw error
    }
    await command.process.kill()
}

/// Runs a network of its own, and ends it however `body` ends.
func withUp(_ options: [String], _ folder: NetworkFolder, _ body: (LongCommand) async throws -> Void) async throws {
    let up = try await LongCommand(["up"] + options)
    do {
        let isReady = await eventually(within: .seconds(90)) {
            up.process.status != nil || up.lines.contains { $0.hasPrefix("ready after ") }
        }
        try #require(isReady && up.process.status == nil, "\(up.lines) \(up.complaints)")
        try await body(up)
    } catch {
        await up.process.terminate(grace: .seconds(30))
        throw error
    }
    await up.process.terminate(grace: .seconds(30))
}

extension Worksteps {
    /// Gives a file with the workstep.
    static func withFile<Value>(_ workstep: JSON, _ body: (String) async throws -> Value) async throws -> Value {
        try await withTemporaryFolder { folder in
            let file = folder + "/workstep.json"
            try PrivateFile.write(workstep.bytes, to: file)
            return try await body(file)
        }
    }
}
