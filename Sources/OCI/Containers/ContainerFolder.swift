internal import Files
internal import FoundationEssentials
internal import Glibc
internal import Processes
internal import Wire

/// What is kept of one container, readable after any crash:
///
///     config.json     what the runtime was told
///     supervisor      the shell that starts it, written by that shell; a link where nothing may start any more
///     pid             its first process, written by the runtime once there is one
///     container.json  that process and the limits that do not hold; written by the worker that started it
///     exit            its exit code, written by the supervising shell
///     log             what it wrote
///     upper, work     what it changed in its root
struct ContainerFolder: Sendable {
    let path: String
    let id: String
    private let pidKey: String?

    /// - Parameters:
    ///   - runtimeFolder: the folder of all containers of one runtime.
    ///   - pidKey: of the member that holds the process, where the runtime writes JSON.
    init(_ id: String, in runtimeFolder: String, pidKey: String? = nil) throws(OCIError) {
        try ContainerSpec.check(id: id)
        self.id = id
        self.pidKey = pidKey
        path = "\(runtimeFolder)/\(id)"
    }

    static func / (folder: ContainerFolder, name: String) -> String { "\(folder.path)/\(name)" }

    var exists: Bool { FileSystem.exists(path) }

    /// Makes it; an error where it is there already.
    func make() throws {
        guard mkdir(path, 0o700) == 0 else {
            if errno == EEXIST { throw OCIError(.runtime, "there is a container '\(id)' already") }
            throw FileError("cannot make the folder \(path)")
        }
        for name in ["upper", "work", "root"] {
            // The upper folder becomes the container's root, so its mode is seen inside.
            try FileSystem.makeFolder(self / name, mode: 0o755)
        }
    }

    func remove() throws(FileError) { try FileSystem.remove(path) }

    /// Writes a file that only this user may read: the environment in it holds tokens.
    func write(_ name: String, _ bytes: [UInt8]) throws(FileError) {
        try FileSystem.replace(self / name, with: bytes, mode: 0o600)
    }

    /// The process that the runtime has written down, once it has.
    var pid: Int32? {
        guard let bytes = try? FileSystem.contents(self / "pid", limit: 4096), !bytes.isEmpty else { return nil }
        guard let pidKey else { return Int32(String(decoding: bytes, as: UTF8.self).prefix { $0.isNumber }) }
        guard let json = try? JSON(parsing: bytes) else { return nil }
        return json[pidKey]?.int.flatMap { Int32(exactly: $0) }
    }

    func note(_ container: RunningContainer) throws(FileError) {
        let limits = container.unenforced.map {
            JSON.object(["limit": .string($0.limit), "reason": .string($0.reason)])
        }
        let note: JSON = [
            "pid": .int(Int64(container.process.pid)), "startTime": .string(String(container.process.startTime)),
            "unenforced": .array(limits),
        ]
        try write("container.json", note.bytes)
    }

    /// What `note` wrote; nil where it never ran.
    func noted() -> RunningContainer? {
        guard let bytes = try? FileSystem.contents(self / "container.json", limit: 1 << 16),
            let note = try? JSON(parsing: bytes),
            let pid = note["pid"]?.int.flatMap({ Int32(exactly: $0) }),
            let startTime = note["startTime"]?.string.flatMap({ UInt64($0) })
        else { return nil }
        let unenforced = (note["unenforced"]?.array ?? []).compactMap { limit in
            limit["limit"]?.string.map { UnenforcedLimit(limit: $0, reason: limit["reason"]?.string ?? "") }
        }
        return RunningContainer(
            id: id, process: ProcessIdentity(pid: pid, startTime: startTime), unenforced: unenforced)
    }

    /// How it is now, by the kernel's word and the files.
    func state() -> ContainerState {
        guard exists else { return .absent }
        if let container = noted(), container.process.isAlive { return .running(container) }
        return .ended(exitCode: exitCode)
    }

    /// The exit code of its program, where there was one: without, what the shell wrote is the runtime's own.
    private var exitCode: Int32? {
        guard pid != nil else { return nil }
        return (try? FileSystem.contents(self / "exit", limit: 64)).flatMap {
            Int32(String(decoding: $0, as: UTF8.self).prefix { $0.isNumber })
        }
    }

    func log(last count: Int) -> String {
        let path = self / "log"
        guard let size = FileSystem.size(path), let file = try? OpenFile(reading: path) else { return "" }
        var buffer = [UInt8](repeating: 0, count: max(0, min(count, Int(size))))
        let offset = Int(size) - buffer.count
        let read = buffer.withUnsafeMutableBytes { pread(file.descriptor, $0.baseAddress, $0.count, offset) }
        return String(decoding: buffer.prefix(max(0, read)), as: UTF8.self)
    }

    /// The last lines of the log, for an error's message.
    var lastWords: String {
        let lines = log(last: 4096).split(separator: "\n").suffix(3)
        return lines.isEmpty ? "it said nothing" : lines.joined(separator: " / ")
    }
}

extension ContainerFolder {
    /// Takes note of a container whose starter died before it could: the runtime has written its process down, and that
    /// is the first of a process namespace.
    func adopt() throws(FileError) {
        guard noted() == nil, let pid, let process = ProcessIdentity(of: pid),
            let status = try? FileSystem.contents("/proc/\(pid)/status", limit: 1 << 16),
            // NSpid: its number in each namespace, from the outermost (proc(5)).
            let line = String(decoding: status, as: UTF8.self).split(separator: "\n").first(where: {
                $0.hasPrefix("NSpid:")
            }),
            line.split(whereSeparator: \.isWhitespace).count > 2, line.split(whereSeparator: \.isWhitespace).last == "1"
        else { return }
        let limit = UnenforcedLimit(limit: "all", reason: "its starter died, so that its limits are not known")
        try note(RunningContainer(id: id, process: process, unenforced: [limit]))
    }
}
