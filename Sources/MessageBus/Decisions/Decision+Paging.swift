public import Wire

/// A part of a list, as answers carry it.
public struct Page<State> {
    /// The states of the page in order of their ids.
    public let states: [State]
    /// The `after` of the following page; nil where this is the last.
    public let next: String?
}

extension Decision {
    /// The states of a kind and group that are wanted, as many as were asked for (contract.md, Limits: lists are paged).
    public func page<State: Decodable>(
        _ type: State.Type, kind: String, group: String, _ asked: PageRequest,
        where isWanted: (State) -> Bool = { _ in true }
    ) throws -> Page<State> {
        var found: [(id: String, state: State)] = []
        var last = asked.after
        // One more than is wanted tells whether there is a further page.
        let step = asked.limit + 1
        while true {
            let read = try list(type, kind: kind, group: group, after: last, limit: step)
            found += read.filter { isWanted($0.state) }
            if found.count > asked.limit || read.count < step { break }
            last = read.last?.id
        }
        let page = found.prefix(asked.limit)
        return Page(states: page.map(\.state), next: found.count > asked.limit ? page.last?.id : nil)
    }
}

/// The fields of a question for a page.
public struct PageRequest {
    public let limit: Int
    public let after: String?

    /// Reads `limit` (1 to 1,000; 100 where it is absent) and `after`.
    public init(_ reader: JSONReader) {
        limit = Int(reader.int("limit", in: 1...1_000) ?? 100)
        after = reader.uuid("after")
    }
}
