internal import Wire

/// The body of `srcnet.workstep.create.v1`: `{from, workstep?}`.
///
/// `workstep` holds parts that are set from the beginning; it is ours in addition to contract.md.
struct Creation {
    /// What a workstep can be made from (diagrams.md, E1).
    enum Source: String, CaseIterable {
        case empty, data, template, discovery, history, provenance
    }

    let parts: [Part: JSON]

    init(parsing json: JSON) throws(Problem) {
        let reader = JSONReader(json)
        if let source = reader.choice("from", Source.self, required: true), source != .empty {
            reader.fault("from", "\(source.rawValue) is not available in this deployment: only empty is")
        }
        var parts: [Part: JSON] = [:]
        if let workstep = reader.object("workstep") {
            for part in Part.allCases { parts[part] = part.read(workstep, part.rawValue) }
        }
        try reader.finish()
        self.parts = parts
    }
}
