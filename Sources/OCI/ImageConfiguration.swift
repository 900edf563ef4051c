internal import Wire

/// What an image says of how it wants to be run, and what its layers are when unpacked (OCI image specification,
/// config.md).
package struct ImageConfiguration: Sendable, Hashable {
    package let platform: Platform
    /// The command, to which `command` or the user's own arguments are added.
    package let entrypoint: [String]
    /// The default arguments, or the whole command where there is no entrypoint.
    package let command: [String]
    /// `NAME=value` each.
    package let environment: [String]
    /// nil: the root folder.
    package let workingDirectory: String?
    /// `user`, `uid`, `user:group` or `uid:gid`; nil: root.
    package let user: String?
    package let labels: [String: String]
    /// The digest of each layer's tar file, uncompressed, lowest first.
    package let diffIDs: [Digest]

    package init(
        platform: Platform, entrypoint: [String] = [], command: [String] = [], environment: [String] = [],
        workingDirectory: String? = nil, user: String? = nil, labels: [String: String] = [:], diffIDs: [Digest] = []
    ) {
        self.platform = platform
        self.entrypoint = entrypoint
        self.command = command
        self.environment = environment
        self.workingDirectory = workingDirectory
        self.user = user
        self.labels = labels
        self.diffIDs = diffIDs
    }

    init(decoding bytes: [UInt8], place: String) throws(OCIError) {
        let json = try JSON(document: bytes, place: place)
        guard let platform = Platform(decoding: json), let rootfs = json["rootfs"],
            rootfs["type"]?.string == "layers", let identifiers = rootfs["diff_ids"]?.array
        else {
            throw OCIError(.malformed, "\(place): a configuration has os, architecture and rootfs of type layers")
        }
        var diffIDs: [Digest] = []
        for identifier in identifiers {
            guard let text = identifier.string else { throw OCIError(.malformed, "\(place): a diff_id is a text") }
            diffIDs.append(try Digest(parsing: text))
        }
        let config = json["config"] ?? [:]
        func texts(_ member: String) -> [String] { config[member]?.array?.compactMap(\.string) ?? [] }
        func text(_ member: String) -> String? { config[member]?.string.flatMap { $0.isEmpty ? nil : $0 } }
        self.init(
            platform: platform, entrypoint: texts("Entrypoint"), command: texts("Cmd"), environment: texts("Env"),
            workingDirectory: text("WorkingDir"), user: text("User"),
            labels: (config["Labels"]?.object ?? [:]).compactMapValues(\.string), diffIDs: diffIDs)
    }

    /// The document, for images that we make ourselves.
    var json: JSON {
        var document = platform.json
        document["config"] = .object(compacting: [
            "Entrypoint": .array(entrypoint.map(JSON.string)), "Cmd": .array(command.map(JSON.string)),
            "Env": .array(environment.map(JSON.string)), "WorkingDir": workingDirectory.map(JSON.string),
            "User": user.map(JSON.string), "Labels": .object(labels.mapValues(JSON.string)),
        ])
        document["rootfs"] = ["type": "layers", "diff_ids": .array(diffIDs.map { .string($0.description) })]
        return document
    }
}
