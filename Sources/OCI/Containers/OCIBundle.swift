internal import Glibc
internal import Wire

/// The configuration of a container as runtimes want it (OCI runtime specification 1.0, config.md).
struct OCIBundle {
    let spec: ContainerSpec
    /// The folder that becomes the container's root, seen from the bundle's folder or absolute.
    let rootPath: String
    /// Whether limits are asked for. Where the machine's control groups cannot be used, asking would fail everything.
    let withLimits: Bool

    /// The document.
    var json: JSON {
        [
            "ociVersion": "1.0.2",
            "process": process,
            "root": ["path": .string(rootPath), "readonly": false],
            "hostname": .string(spec.hostname),
            "mounts": .array(OCIBundle.systemMounts + spec.mounts.map(mount)),
            "linux": linux,
        ]
    }

    private var process: JSON {
        [
            "terminal": false,
            "user": ["uid": .int(Int64(spec.user.uid)), "gid": .int(Int64(spec.user.gid))],
            "args": .array(spec.arguments.map(JSON.string)),
            "env": .array(spec.environment.sorted { $0.key < $1.key }.map { .string("\($0.key)=\($0.value)") }),
            "cwd": .string(spec.workingDirectory),
            // Not one of them: root's number alone opens what belongs to root.
            "capabilities": ["bounding": [], "effective": [], "inheritable": [], "permitted": [], "ambient": []],
            "noNewPrivileges": true,
            "rlimits": [["type": "RLIMIT_NOFILE", "hard": .int(openFiles), "soft": .int(openFiles)]],
            // When memory runs out a session goes before the services that serve all of them.
            "oomScoreAdj": 500,
        ]
    }

    /// Programs rely on more open files than the 1,024 that many systems begin with; more than this process may have
    /// itself can be given by nobody.
    private var openFiles: Int64 {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        return Int64(min(65_536, limit.rlim_max))
    }

    private func mount(_ mount: BindMount) -> JSON {
        [
            "destination": .string(mount.target), "type": "bind", "source": .string(mount.source),
            "options": ["rbind", "rprivate", "nosuid", "nodev", mount.isWritable ? "rw" : "ro"],
        ]
    }

    private var linux: JSON {
        var linux: JSON = [
            "namespaces": [["type": "pid"], ["type": "mount"], ["type": "ipc"], ["type": "uts"]],
            "maskedPaths": .array(Hardening.maskedPaths.map(JSON.string)),
            "readonlyPaths": .array(Hardening.readOnlyPaths.map(JSON.string)),
            "seccomp": Hardening.systemCalls,
        ]
        if withLimits {
            linux["resources"] = resources
        }
        return linux
    }

    private var resources: JSON {
        var resources: [String: JSON] = [
            // The usual devices (null, zero, random, tty, …) are allowed by the runtime itself.
            "devices": [["allow": false, "access": "rwm"]]
        ]
        let period = ControlGroup.period
        if let memory = spec.limits.memory { resources["memory"] = ["limit": .int(memory)] }
        if let cores = spec.limits.cores {
            resources["cpu"] = ["quota": .int(ControlGroup.quota(cores: cores)), "period": .int(period)]
        }
        if let processes = spec.limits.processes { resources["pids"] = ["limit": .int(processes)] }
        return .object(resources)
    }

    /// What every Linux program expects to find (runtime specification, config-linux.md, Default Filesystems).
    private static let systemMounts: [JSON] = [
        ["destination": "/proc", "type": "proc", "source": "proc"],
        [
            "destination": "/dev", "type": "tmpfs", "source": "tmpfs",
            "options": ["nosuid", "strictatime", "mode=755", "size=65536k"],
        ],
        [
            "destination": "/dev/pts", "type": "devpts", "source": "devpts",
            "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"],
        ],
        [
            "destination": "/dev/shm", "type": "tmpfs", "source": "shm",
            "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=1048576k"],
        ],
        [
            "destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue",
            "options": ["nosuid", "noexec", "nodev"],
        ],
        [
            "destination": "/sys", "type": "sysfs", "source": "sysfs",
            "options": ["nosuid", "noexec", "nodev", "ro"],
        ],
        [
            "destination": "/tmp", "type": "tmpfs", "source": "tmpfs",
            "options": ["nosuid", "nodev", "mode=1777"],
        ],
    ]
}
