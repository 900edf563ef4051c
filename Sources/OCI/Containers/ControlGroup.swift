internal import FoundationEssentials

/// The kernel's own account of what a process is limited to, read back after the start: what a runtime was asked for and
/// what holds are two things, in containers within containers above all.
struct ControlGroup {
    /// Microseconds over which the processor time is measured out.
    static let period: Int64 = 100_000

    /// Microseconds of each period. The kernel takes nothing below a millisecond.
    static func quota(cores: Double) -> Int64 { max(1000, Int64(clamping: Int((cores * Double(period)).rounded()))) }

    /// Mount point of the hierarchy for each controller, version 1, with the process's path in it; "" for version 2.
    private let folders: [String: String]

    init(of pid: Int32) {
        var folders: [String: String] = [:]
        let lines = ControlGroup.text("/proc/\(pid)/cgroup").split(separator: "\n")
        for line in lines {
            // hierarchy:controllers:path (cgroups(7))
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            for controller in parts[1].split(separator: ",", omittingEmptySubsequences: false) {
                let folder = controller.isEmpty ? "" : "/\(parts[1])"
                folders[String(controller)] = "/sys/fs/cgroup\(folder)\(parts[2])"
            }
        }
        self.folders = folders
    }

    /// Which of the limits do not hold, with the reason.
    func unenforced(_ limits: ContainerLimits) -> [UnenforcedLimit] {
        var missing: [UnenforcedLimit] = []
        func expect(_ limit: String, _ holds: Bool) {
            guard !holds else { return }
            missing.append(UnenforcedLimit(limit: limit, reason: "the machine's control groups cannot be used for it"))
        }
        if let memory = limits.memory {
            let actual = number("memory", "memory.limit_in_bytes", "memory.max")
            // The kernel rounds to pages.
            expect("memory", actual.map { $0 <= memory && $0 > 0 } ?? false)
        }
        if let cores = limits.cores {
            let quota = number("cpu", "cpu.cfs_quota_us", "cpu.max")
            expect("cores", quota == ControlGroup.quota(cores: cores))
        }
        if let processes = limits.processes {
            expect("processes", number("pids", "pids.max", "pids.max") == processes)
        }
        return missing
    }

    /// The first number in the controller's file; nil where there is none, or the word `max`.
    private func number(_ controller: String, _ first: String, _ second: String) -> Int64? {
        let path = folders[controller].map { "\($0)/\(first)" } ?? folders[""].map { "\($0)/\(second)" }
        guard let path else { return nil }
        return ControlGroup.text(path).split { $0 == " " || $0 == "\n" }.first.flatMap { Int64($0) }
    }

    private static func text(_ path: String) -> String {
        guard let data = try? Data(contentsOf: URL(filePath: path)) else { return "" }
        return String(decoding: data, as: UTF8.self)
    }
}

/// A limit that was asked for and does not hold, to be said to whom it concerns.
package struct UnenforcedLimit: Sendable, Hashable, CustomStringConvertible {
    /// `memory`, `cores` or `processes`.
    package let limit: String
    package let reason: String

    package var description: String { "\(limit) is not limited: \(reason)" }
}
