/// What is published on a channel and not yet confirmed, in the order of publishing: the n-th publish has tag n.
///
/// `Owner` is whoever waits; it published several messages and knows them by index.
struct ConfirmWindow<Owner: AnyObject> {
    /// Messages of one owner that have the same fate.
    struct Settled {
        var owner: Owner
        var range: Range<Int>
        var outcome: PublishOutcome
    }

    private struct Entry {
        // Nil once settled, or when nobody waits any more.
        var owner: Owner?
        var index: Int
        var isOpen: Bool
    }

    private var entries: [Entry] = []
    private var head = 0
    /// The tag of `entries[head]`.
    private var base: UInt64 = 1
    private var returns: [UInt64: (code: UInt16, text: String)] = [:]
    private var lastReturned: UInt64 = 0
    /// Published and without an answer, also where nobody waits for it any more.
    private(set) var openCount = 0

    private var nextTag: UInt64 { base + UInt64(entries.count - head) }

    /// Notes that `owner` published these, in order.
    mutating func append(_ owner: Owner, _ range: Range<Int>) {
        for index in range { entries.append(Entry(owner: owner, index: index, isOpen: true)) }
        openCount += range.count
    }

    /// The owner of the oldest message that somebody still waits for.
    var oldest: Owner? {
        for entry in entries[head...] {
            if let owner = entry.owner { return owner }
        }
        return nil
    }

    /// The broker's ack or nack; tag 0 with `multiple` means all. `false` if it names what was never published.
    mutating func settle(
        _ tag: UInt64, isMultiple: Bool, isAccepted: Bool, into settled: inout [Settled]
    ) -> Bool {
        let last = isMultiple && tag == 0 ? nextTag - 1 : tag
        guard last < nextTag, tag > 0 || isMultiple else { return false }
        guard last >= base else { return true }
        let first = isMultiple ? base : last
        for tag in first...last {
            let index = head + Int(tag - base)
            guard entries[index].isOpen else { continue }
            let owner = entries[index].owner
            entries[index].isOpen = false
            entries[index].owner = nil
            openCount -= 1
            let back = returns.isEmpty ? nil : returns.removeValue(forKey: tag)
            guard let owner else { continue }
            let outcome: PublishOutcome =
                if !isAccepted { .nacked } else if let back {
                    .returned(code: back.code, text: back.text)
                } else { .confirmed }
            Self.add(owner, entries[index].index, outcome, to: &settled)
        }
        dropSettled()
        return true
    }

    /// A message came back; its confirm follows. Returns arrive in the order of publishing, so the search begins after
    /// the last one. `false` if none that is open `matches`.
    mutating func markReturned(
        code: UInt16, text: String, where matches: (Owner, Int) -> Bool
    ) -> Bool {
        let start = max(lastReturned + 1, base)
        guard let tag = find(start..<max(start, nextTag), matches) ?? find(base..<start, matches) else { return false }
        returns[tag] = (code, text)
        lastReturned = tag
        return true
    }

    private func find(_ tags: Range<UInt64>, _ matches: (Owner, Int) -> Bool) -> UInt64? {
        for tag in tags where tag < nextTag {
            let entry = entries[head + Int(tag - base)]
            if let owner = entry.owner, returns[tag] == nil, matches(owner, entry.index) { return tag }
        }
        return nil
    }

    /// `owner` waits no longer: what it has open is reported with `outcome`, and goes on counting as open.
    mutating func abandon(_ owner: Owner, _ outcome: PublishOutcome, into settled: inout [Settled]) {
        for index in entries.indices.dropFirst(head) where entries[index].owner === owner {
            entries[index].owner = nil
            Self.add(owner, entries[index].index, outcome, to: &settled)
        }
    }

    /// The channel is gone: everything open is reported, and a new window begins at tag 1.
    mutating func failAll(_ error: (Owner, Int) -> AMQPError, into settled: inout [Settled]) {
        for entry in entries[head...] {
            guard let owner = entry.owner else { continue }
            Self.add(owner, entry.index, .unknown(error(owner, entry.index)), to: &settled)
        }
        self = ConfirmWindow()
    }

    /// Visits what somebody still waits for.
    func forEachOpen(_ body: (Owner, Int) -> Void) {
        for entry in entries[head...] {
            if let owner = entry.owner { body(owner, entry.index) }
        }
    }

    /// Joins neighbours that are confirmed, which is nearly always all of them.
    private static func add(
        _ owner: Owner, _ index: Int, _ outcome: PublishOutcome, to settled: inout [Settled]
    ) {
        if case .confirmed = outcome, let last = settled.indices.last, settled[last].owner === owner,
            settled[last].range.upperBound == index, case .confirmed = settled[last].outcome
        {
            settled[last].range = settled[last].range.lowerBound..<index + 1
        } else {
            settled.append(Settled(owner: owner, range: index..<index + 1, outcome: outcome))
        }
    }

    private mutating func dropSettled() {
        while head < entries.count, !entries[head].isOpen {
            head += 1
            base += 1
        }
        if head == entries.count {
            entries.removeAll(keepingCapacity: true)
            head = 0
        } else if head > 1024, head * 2 > entries.count {
            entries.removeFirst(head)
            head = 0
        }
    }
}
