import Wire

/// A workstep's parts in the words of the newest generation, with every field kept that nobody here knows.
enum CanonicalParts {
    static func make(_ parts: JSON, _ workstep: Workstep) -> JSON {
        var members = parts.object ?? [:]
        members["executable"] = component(parts["executable"] ?? [:], kind: workstep.executable.kind.uri)
        var compute = component(parts["compute"] ?? parts["computer"] ?? [:], kind: ComputeKind.simple.uri)
        let volumes = (compute["volumes"]?.array ?? []) + (parts["volumes"]?.array ?? [])
        if !volumes.isEmpty {
            compute["volumes"] = .array(
                zip(volumes, workstep.compute.volumes).map { volume($0, $1) })
        }
        members["compute"] = compute
        members["computer"] = nil
        members["volumes"] = nil
        members["data"] = list(parts["data"], kinds: workstep.data.map(\.source.kind.uri))
        members["storage"] = list(parts["storage"], kinds: workstep.storage.map { _ in StorageKind.simple.uri })
        return .object(members)
    }

    private static func list(_ value: JSON?, kinds: [String]) -> JSON? {
        value?.array.map { .array(zip($0, kinds).map { component($0, kind: $1) }) }
    }

    private static func volume(_ original: JSON, _ read: Volume) -> JSON {
        var volume = component(original, kind: VolumeKind.simple.uri)
        volume["path"] = .string(read.path)
        volume["mode"] = .string(read.mode.rawValue)
        volume["resource"] = .string(read.resource)
        volume["resources"] = nil
        volume["cardinality"] = nil
        return volume
    }

    /// Older generations have the kind under `type`, and name and UUID outside `meta`.
    private static func component(_ original: JSON, kind: String) -> JSON {
        var component = original
        if original["kind"] == nil { component["type"] = nil }
        component["kind"] = .string(kind)
        if original["meta"] == nil {
            let meta = original.keeping(["name", "uuid"])
            if meta != [:] { component["meta"] = meta }
            for key in ["name", "uuid"] { component[key] = nil }
        }
        return component
    }
}
