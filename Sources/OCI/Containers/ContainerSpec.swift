internal import Files

/// What to run in a container, and how it is held back.
///
/// Every container has processes, mounts, inter-process communication and a host name of its own. The network is the
/// machine's, so that a notebook can be reached on the loopback address.
package struct ContainerSpec: Sendable {
    /// Its name among all containers of the runtime: 1 to 64 of `[A-Za-z0-9_.-]`, the first no sign.
    package var id: String
    /// The unpacked root folder of its image; never written to.
    package var root: String
    /// The program and its arguments; the program by its path in the container, or by a name that `PATH` finds.
    package var arguments: [String]
    package var environment: [String: String]
    package var workingDirectory = "/"
    package var user = ContainerUser.root
    /// Later ones may lie in earlier ones.
    package var mounts: [BindMount] = []
    package var hostname: String
    package var limits = ContainerLimits()

    package init(
        id: String, root: String, arguments: [String], environment: [String: String] = [:], hostname: String? = nil
    ) {
        self.id = id
        self.root = root
        self.arguments = arguments
        self.environment = environment
        self.hostname = hostname ?? id
    }

    /// What is wrong with it, where something is; the system would say it later and less clearly.
    func check() throws(OCIError) {
        func refuse(_ why: String) -> OCIError { OCIError(.runtime, "container '\(id)': \(why)") }
        try ContainerSpec.check(id: id)
        guard let program = arguments.first, !program.isEmpty else { throw refuse("there is no program to run") }
        let texts = arguments + environment.map { "\($0.key)=\($0.value)" } + [workingDirectory, hostname, root]
        guard !texts.contains(where: { $0.utf8.contains(0) }) else { throw refuse("a text has a zero byte") }
        guard !environment.keys.contains(where: { $0.isEmpty || $0.contains("=") }) else {
            throw refuse("a variable of the environment has no proper name")
        }
        for path in [root, workingDirectory] + mounts.flatMap({ [$0.source, $0.target] }) {
            guard path.hasPrefix("/"), !path.split(separator: "/").contains(".."), !path.utf8.contains(0) else {
                throw refuse("'\(path)' is no absolute path without '..'")
            }
        }
        for mount in mounts where mount.target.split(separator: "/").isEmpty {
            throw refuse("the root folder itself cannot be mounted over with '\(mount.source)'")
        }
    }

    static func check(id: String) throws(OCIError) {
        let isAllowed = { (byte: UInt8) in
            Character(UnicodeScalar(byte)).isLetter && byte < 0x80 || (0x30...0x39).contains(byte)
                || [UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: ".")].contains(byte)
        }
        guard (1...64).contains(id.utf8.count), id.utf8.allSatisfy(isAllowed), !id.hasPrefix("-"), !id.hasPrefix("."),
            !id.hasPrefix("_")
        else { throw OCIError(.runtime, "'\(id)' cannot be the name of a container") }
    }
}

/// Who a container's processes are, by the machine's own numbers.
package struct ContainerUser: Sendable, Hashable {
    package let uid: UInt32
    package let gid: UInt32

    package init(uid: UInt32, gid: UInt32) {
        self.uid = uid
        self.gid = gid
    }

    /// Root without any of its capabilities: may do with root's files what the files' modes say, and nothing more.
    package static let root = ContainerUser(uid: 0, gid: 0)
}

/// A folder or file of the machine that a container sees.
package struct BindMount: Sendable, Hashable {
    /// On the machine.
    package let source: String
    /// In the container; made there where it is missing.
    package let target: String
    package let isWritable: Bool

    package init(_ source: String, at target: String, isWritable: Bool) {
        self.source = source
        self.target = target
        self.isWritable = isWritable
    }
}

extension BindMount {
    /// The machine's own answer to "which address has this name", which fits the network that containers share with it.
    package static var machineNames: [BindMount] {
        ["/etc/hosts", "/etc/resolv.conf"].filter { FileSystem.exists($0, followingLink: true) }.map {
            BindMount($0, at: $0, isWritable: false)
        }
    }
}

/// The most that a container may use; nil is no limit.
package struct ContainerLimits: Sendable, Hashable {
    /// Bytes of memory of all its processes together.
    package var memory: Int64?
    /// Processor time: 1.5 is one core and a half.
    package var cores: Double?
    /// Processes and threads.
    package var processes: Int64? = 4096

    package init(memory: Int64? = nil, cores: Double? = nil) {
        self.memory = memory
        self.cores = cores
    }

    /// The names of those that are set, as `unenforced` uses them.
    var names: [String] {
        [memory.map { _ in "memory" }, cores.map { _ in "cores" }, processes.map { _ in "processes" }].compactMap { $0 }
    }
}
