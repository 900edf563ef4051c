internal import Wire

/// What is kept from every container, beside the capabilities that it does not have.
enum Hardening {
    /// Parts of `/proc` and `/sys` that tell about, or steer, the machine: hidden.
    static let maskedPaths = [
        "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
        "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware",
    ]

    /// Parts of `/proc` that may be read.
    static let readOnlyPaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]

    /// System calls that no session needs and that have opened kernels before. The list says what is refused and not
    /// what is allowed, so that scientific software with unusual needs runs; with no capability at all most of these
    /// would fail anyway.
    static let systemCalls: JSON = [
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [
            [
                "action": "SCMP_ACT_ERRNO", "errnoRet": 1,
                "names": .array(refusedCalls.map(JSON.string)),
            ],
            // A user namespace would give capabilities within it. The flag of clone is CLONE_NEWUSER.
            [
                "action": "SCMP_ACT_ERRNO", "errnoRet": 1, "names": ["clone"],
                "args": [["index": 0, "value": 0x1000_0000, "valueTwo": 0x1000_0000, "op": "SCMP_CMP_MASKED_EQ"]],
            ],
            // Its flags lie in memory, where no filter can look; ENOSYS makes the C library use clone.
            ["action": "SCMP_ACT_ERRNO", "errnoRet": 38, "names": ["clone3"]],
        ],
    ]

    private static let refusedCalls = [
        "acct", "add_key", "bpf", "delete_module", "finit_module", "fsconfig", "fsmount", "fsopen", "fspick",
        "init_module",
        "ioperm", "iopl", "kexec_file_load", "kexec_load", "keyctl", "mount", "mount_setattr", "move_mount",
        "open_by_handle_at", "open_tree", "perf_event_open", "pivot_root", "quotactl", "reboot", "request_key", "setns",
        "swapoff", "swapon", "umount2", "unshare", "userfaultfd", "vhangup",
    ]
}
