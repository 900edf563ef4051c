public import Wire

/// What a site can do at all, whatever is booked.
public struct SiteAbilities: Sendable, Hashable {
    public var executables: Set<ExecutableKind>
    public var data: Set<DataKind>
    /// The most that one session may have.
    public var cores: Int64
    /// GiB.
    public var memory: Int64
    public var accelerators: Int64
    public var architecture: String
    public var os: String

    public init(
        executables: Set<ExecutableKind>, data: Set<DataKind>, cores: Int64, memory: Int64, accelerators: Int64 = 0,
        architecture: String = "amd64", os: String = "linux"
    ) {
        self.executables = executables
        self.data = data
        self.cores = cores
        self.memory = memory
        self.accelerators = accelerators
        self.architecture = architecture
        self.os = os
    }

    /// Why the site must say NO to a workstep: all reasons, none where it can.
    public func refusals(of workstep: Workstep, at now: Timestamp) -> [Notice] {
        var messages: [Notice] = []
        let executable = workstep.executable
        if !executables.contains(executable.kind) {
            messages.append(
                Notice(
                    .notSupported, "This site runs no {kind}", values: ["kind": executable.kind.rawValue],
                    path: "executable.kind", at: now))
        }
        if let image = executable.image, image.architecture != architecture || image.os != os {
            messages.append(
                Notice(
                    .notSupported, "This site runs images for {has}, not for {wanted}",
                    values: ["has": "\(os)/\(architecture)", "wanted": "\(image.os)/\(image.architecture)"],
                    path: "executable.image.platform", at: now))
        }
        for (index, item) in workstep.data.enumerated() where !data.contains(item.source.kind) {
            messages.append(
                Notice(
                    .notSupported, "This site reads no {kind}", values: ["kind": item.source.kind.rawValue],
                    path: "data[\(index)].kind", at: now))
        }
        let limits = [
            ("cores", workstep.compute.cores, cores), ("memory", workstep.compute.memory, memory),
            ("accelerators", workstep.compute.accelerators, accelerators),
        ]
        for (name, amount, limit) in limits where amount.min > limit {
            messages.append(
                Notice(
                    .resourceLimit, "The least {name}, {wanted}, is more than the limit of this site, {limit}",
                    values: ["name": name, "wanted": "\(amount.min)", "limit": "\(limit)"],
                    path: "compute.\(name).min", at: now))
        }
        return messages
    }
}
