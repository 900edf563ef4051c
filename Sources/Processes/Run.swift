internal import Glibc
internal import Synchronization

/// What came of a program that was run to its end.
package struct RunResult: Sendable, CustomStringConvertible {
    package let command: String
    package let status: ExitStatus
    /// What it wrote, as far as the limit goes.
    package let output: [UInt8]
    /// What it wrote to the standard error stream, as far as the limit goes.
    package let errors: [UInt8]
    /// Whether it wrote more than is kept here.
    package let isCut: Bool

    package var outputText: String { String(decoding: output, as: UTF8.self) }
    package var errorText: String { String(decoding: errors, as: UTF8.self) }

    /// Itself where the program succeeded; otherwise an error with the first and the last of what it said.
    @discardableResult
    package func checked() throws(ProcessError) -> RunResult {
        guard status.isSuccess else { throw ProcessError(.failed, description) }
        return self
    }

    package var description: String {
        let lines = (errors.isEmpty ? outputText : errorText).split(separator: "\n")
        // Some say what is wrong last; others first, and then how they are used.
        let told = lines.count > 6 ? lines.prefix(3) + ["…"] + lines.suffix(3) : lines
        return "\(command): \(status)" + (told.isEmpty ? "" : ": \(told.joined(separator: " / "))")
    }
}

/// Runs a program to its end and returns what it wrote. It gets a process group of its own, of which nothing is left.
///
/// - Parameters:
///   - deadline: when it has run for so long it is killed, and the error says so.
///   - limit: so many bytes are kept of each of its two streams; the rest is read and thrown away.
package func run(
    _ settings: ProcessSettings, deadline: Duration, limit: Int = 1 << 20
) async throws(ProcessError) -> RunResult {
    let output = Capture(limit: limit)
    let errors = Capture(limit: limit)
    var settings = settings
    settings.output = .handler { output.append($0) }
    settings.errors = .handler { errors.append($0) }
    if settings.group == .inherited { settings.group = .own }
    let child = try await ChildProcess.spawn(settings, takesGroupAlong: true)

    let status = await withTaskCancellationHandler {
        if let status = await child.wait(upTo: deadline) { return status as ExitStatus? }
        await child.kill()
        return nil
    } onCancel: {
        child.signal(SIGKILL)
    }
    let command = settings.executable.split(separator: "/").last.map(String.init) ?? settings.executable
    let (outputBytes, outputIsCut) = output.contents
    let (errorBytes, errorsAreCut) = errors.contents
    let result = RunResult(
        command: command, status: status ?? .signalled(SIGKILL), output: outputBytes, errors: errorBytes,
        isCut: outputIsCut || errorsAreCut)
    if Task.isCancelled { throw ProcessError(.cancelled, "\(command) was cancelled") }
    guard status != nil else {
        throw ProcessError(.deadlineExceeded, "no end within \(deadline), so it was killed: \(result)")
    }
    return result
}

/// Collects bytes up to a limit.
private final class Capture: Sendable {
    private let limit: Int
    private let state = Mutex<(bytes: [UInt8], isCut: Bool)>(([], false))

    init(limit: Int) { self.limit = limit }

    func append(_ piece: [UInt8]) {
        state.withLock { state in
            let kept = piece.prefix(limit - state.bytes.count)
            state.bytes += kept
            if kept.count < piece.count { state.isCut = true }
        }
    }

    var contents: ([UInt8], Bool) { state.withLock { ($0.bytes, $0.isCut) } }
}
