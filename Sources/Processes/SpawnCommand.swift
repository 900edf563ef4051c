internal import CLinux
internal import FoundationEssentials
internal import Glibc

/// A start that has been checked as far as it can be before it is made.
struct SpawnCommand: Sendable {
    private let settings: ProcessSettings
    private let path: String
    private let arguments: [String]
    private let environment: [String]

    init(_ settings: ProcessSettings) throws(ProcessError) {
        self.settings = settings
        let variables = settings.environment ?? ProcessInfo.processInfo.environment
        environment = variables.map { "\($0)=\($1)" }
        guard let program = Executable.find(settings.executable, path: variables["PATH"]) else {
            throw ProcessError(.notFound, "there is no program \(settings.executable)")
        }
        if settings.isKilledWithParent {
            // A program that is not ours cannot ask the kernel for it, so setpriv (util-linux) asks and becomes it.
            guard let asks = Executable.find("setpriv") else {
                throw ProcessError(.notFound, "there is no program setpriv: install util-linux")
            }
            path = asks
            arguments = [asks, "--pdeathsig", "KILL", "--", program] + settings.arguments
        } else {
            path = program
            arguments = [program] + settings.arguments
        }
        let texts = arguments + environment + [settings.workingDirectory ?? ""]
        guard !texts.contains(where: { $0.utf8.contains(0) }) else {
            throw ProcessError(.invalid, "an argument or variable for \(program) holds a zero byte")
        }
    }

    /// Starts it, on the keeper's thread, which from then on watches over it.
    func spawn(
        takesGroupAlong: Bool, _ watches: inout ProcessKeeper.Watches
    ) throws(ProcessError) -> ChildProcess {
        var streams = try ChildStreams(settings)
        let pid: pid_t
        do {
            pid = try start(streams)
        } catch {
            streams.close()
            throw error
        }
        streams.closeTheirs()
        // A child that has ended already is still there until it is reaped: this cannot miss it.
        let child = ChildProcess(
            name: settings.executable, identity: ProcessIdentity(of: pid) ?? ProcessIdentity(pid: pid, startTime: 0),
            leadsGroup: settings.group != .inherited, takesGroupAlong: takesGroupAlong)
        let descriptor = execbus_pidfd_open(pid)
        guard descriptor >= 0 else {
            let error = ProcessError.system("cannot watch over \(path)")
            kill(pid, SIGKILL)
            child.reap()
            streams.close()
            throw error
        }
        streams.watch(&watches)
        watches.add(descriptor) { [streams] watches in
            watches.remove(descriptor)
            Glibc.close(descriptor)
            // What it has written is in the pipes by now. A grandchild may hold them open for longer: not waited for.
            streams.finish(&watches)
            child.reap()
        }
        return child
    }

    private func start(_ streams: ChildStreams) throws(ProcessError) -> pid_t {
        let group =
            switch settings.group {
            case .inherited: execbus_group_inherited
            case .own: execbus_group_own
            case .session: execbus_group_session
            }
        var pid: pid_t = 0
        let error = withCStrings(arguments) { arguments in
            withCStrings(environment) { environment in
                execbus_spawn(&pid, path, arguments, environment, settings.workingDirectory, streams.theirs, group)
            }
        }
        guard error == 0 else {
            let place = settings.workingDirectory.map { " in \($0)" } ?? ""
            throw .system("cannot start \(path)\(place)", error)
        }
        return pid
    }
}

/// Gives texts as C wants them: an array of pointers with a null one at its end.
private func withCStrings<Value>(
    _ texts: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Value
) -> Value {
    var pointers: [UnsafeMutablePointer<CChar>?] = texts.map { strdup($0) }
    pointers.append(nil)
    defer { for pointer in pointers { free(pointer) } }
    return pointers.withUnsafeBufferPointer { buffer in
        // Never empty: it ends with a null pointer.
        buffer.baseAddress.map(body) ?? withUnsafePointer(to: nil, body)
    }
}
