internal import Wire

/// A part of a workstep that can be set by itself.
package enum Part: String, Sendable, Hashable, CaseIterable {
    case executable, compute, data, storage, schedule

    /// Whether it is a list of components rather than one.
    var isList: Bool { self == .data || self == .storage }

    /// Reads the part from a member of a body; nil where it is missing or wrong.
    ///
    /// Only its shape is looked at: a workstep may stay incomplete, with places to be filled, until it is executed.
    func read(_ reader: JSONReader, _ key: String, required: Bool = false) -> JSON? {
        guard isList else { return reader.object(key, required: required)?.json }
        return reader.array(key, required: required).map { elements in
            .array(
                elements.map { element in
                    if element.json.object == nil { element.fault(nil, "must be an object") }
                    return element.json
                })
        }
    }
}
